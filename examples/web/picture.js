// A picture file becomes the square that the network takes, as `tlsearch predict` makes it.
//
// The browser decodes the file. Everything after that is computed here, because browsers resize in ways of their own.

import { reduced, squareOf } from "./resize.js";

const MOST_PIXELS = 60e6; // browsers have no larger canvas

/** The RGB values of `file` as floats 0..255, a Float32Array of side * side * 3. `metadata` is the metadata of the model. */
export async function pixelsOf(file, metadata) {
  const side = Number(metadata.image_size);
  const base = Number(metadata.decode_size ?? side);
  const picture = drafted(await decoded(file), await isJpeg(file), Number(metadata.jpeg_draft ?? 2 * Math.max(base, 224)));
  const padding = metadata.padding ? JSON.parse(metadata.padding) : undefined;
  const square = squareOf(squareOf(picture, base, metadata.resize, padding), side);
  return Float32Array.from(square.data);
}

/** Red, green and blue of all pixels, turned as the EXIF orientation says, with transparent pixels over white. */
async function decoded(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none", // the values as they are in the file
    });
  } catch {
    throw new Error("this browser cannot read it: use a JPEG, PNG or WebP file");
  }
  const { width, height } = bitmap;
  if (width * height > MOST_PIXELS) {
    throw new Error(`it has more than ${MOST_PIXELS / 1e6} million pixels: make it smaller`);
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "white";
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const { data: rgba } = context.getImageData(0, 0, width, height);
  const data = new Uint8Array(width * height * 3);
  for (let from = 0, to = 0; from < rgba.length; from += 4, to += 3) {
    data[to] = rgba[from];
    data[to + 1] = rgba[from + 1];
    data[to + 2] = rgba[from + 2];
  }
  return { data, width, height };
}

/** A large JPEG at a half, a quarter or an eighth of its size: Pillow decodes it so, which is nearly the mean of blocks. */
function drafted(picture, jpeg, least) {
  const room = Math.min(Math.floor(picture.width / least), Math.floor(picture.height / least));
  const factor = [8, 4, 2, 1].find((one) => room >= one) ?? 1;
  return jpeg && factor > 1 ? reduced(picture, factor, factor) : picture;
}

async function isJpeg(file) {
  const head = new Uint8Array(await file.slice(0, 3).arrayBuffer());
  return head[0] === 0xff && head[1] === 0xd8 && head[2] === 0xff;
}
