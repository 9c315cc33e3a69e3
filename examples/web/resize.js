// Pillow's bilinear resizing in whole numbers, to the last bit, and the ways in which tlsearch makes squares of pictures.
//
// A picture is `{data, width, height}`: `data` is a Uint8Array of red, green and blue, row by row. The arithmetic is that
// of Pillow's Resample.c and Reduce.c for 8 bits a channel; a test compares it with Pillow itself.

const PRECISION = 2 ** 22; // of the weights
const REDUCING_GAP = 3;

/** A picture as a square of `side` pixels: "squash" gives up the aspect ratio, "pad" adds borders, "crop" cuts off. */
export function squareOf(picture, side, how = "squash", padding = [124, 116, 104]) {
  if (picture.width !== picture.height && how === "pad") {
    return padded(picture, side, padding);
  }
  if (picture.width !== picture.height && how === "crop") {
    return cropped(picture, side);
  }
  return resized(picture, side, side, [0, 0, picture.width, picture.height], REDUCING_GAP);
}

/** A part (`box`: left, top, right, bottom) of a picture at another size; with a `gap`, far larger ones are reduced first. */
export function resized(picture, width, height, box, gap = 0) {
  const whole = box[0] === 0 && box[1] === 0 && box[2] === picture.width && box[3] === picture.height;
  if (whole && picture.width === width && picture.height === height) {
    return picture;
  }
  let source = picture;
  let [left, top, right, bottom] = box;
  if (gap) {
    const across = Math.trunc((right - left) / width / gap) || 1;
    const down = Math.trunc((bottom - top) / height / gap) || 1;
    if (across > 1 || down > 1) {
      source = reduced(picture, across, down);
      [left, top, right, bottom] = [left / across, top / down, right / across, bottom / down];
    }
  }
  [left, top, right, bottom] = [left, top, right, bottom].map(Math.fround);
  const across = width !== source.width || left !== 0 || right !== width;
  const down = height !== source.height || top !== 0 || bottom !== height;
  const columns = across && weightsOf(source.width, left, right, width);
  const rows = down && weightsOf(source.height, top, bottom, height);
  // Rounding in between makes the order count. Pillow 13 begins with the height where much more of it is lost.
  const lost = source.height - height;
  const downFirst = lost > 0 && lost > (source.width - width) * 2;
  for (const step of downFirst ? ["down", "across"] : ["across", "down"]) {
    if (step === "across" && across) {
      source = squeezedAcross(source, width, columns);
    } else if (step === "down" && down) {
      source = squeezedDown(source, height, rows);
    }
  }
  return source;
}

/** For every new pixel the first old one that counts, and the weights of that and the following ones. */
function weightsOf(oldSize, from, to, newSize) {
  const scale = (to - from) / newSize;
  const support = Math.max(scale, 1);
  return Array.from({ length: newSize }, (_, at) => {
    const center = from + (at + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const last = Math.min(Math.trunc(center + support + 0.5), oldSize);
    const step = 1 / support;
    const shares = Array.from({ length: last - first }, (_, x) =>
      Math.max(0, 1 - Math.abs((x + first - center + 0.5) * step)),
    );
    const sum = shares.reduce((total, share) => total + share, 0);
    const weights = shares.map((share) => Math.trunc(0.5 + (sum ? share / sum : share) * PRECISION));
    return { first, weights };
  });
}

function squeezedAcross(picture, width, table) {
  const data = new Uint8Array(width * picture.height * 3);
  for (let y = 0; y < picture.height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = table[x];
      const start = (y * picture.width + first) * 3;
      mix(picture.data, start, 3, weights, data, (y * width + x) * 3);
    }
  }
  return { data, width, height: picture.height };
}

function squeezedDown(picture, height, table) {
  const data = new Uint8Array(picture.width * height * 3);
  for (let y = 0; y < height; y++) {
    const { first, weights } = table[y];
    for (let x = 0; x < picture.width; x++) {
      const start = (first * picture.width + x) * 3;
      mix(picture.data, start, picture.width * 3, weights, data, (y * picture.width + x) * 3);
    }
  }
  return { data, width: picture.width, height };
}

/** One new pixel: three weighted sums of old ones that lie `stride` apart. */
function mix(old, start, stride, weights, data, at) {
  for (let channel = 0; channel < 3; channel++) {
    let sum = PRECISION / 2;
    for (let n = 0, place = start + channel; n < weights.length; n++, place += stride) {
      sum += old[place] * weights[n];
    }
    data[at + channel] = Math.min(255, Math.floor(sum / PRECISION));
  }
}

/** Means of blocks of `across` times `down` pixels; blocks at the right and lower edge may be smaller. */
export function reduced(picture, across, down) {
  const width = Math.ceil(picture.width / across);
  const height = Math.ceil(picture.height / down);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    const bottom = Math.min((y + 1) * down, picture.height);
    for (let x = 0; x < width; x++) {
      const right = Math.min((x + 1) * across, picture.width);
      const count = (right - x * across) * (bottom - y * down);
      const multiplier = Math.trunc(Math.fround(2 ** 32 / (256 * count))); // Pillow divides by a product
      for (let channel = 0; channel < 3; channel++) {
        let sum = Math.trunc(count / 2);
        for (let row = y * down; row < bottom; row++) {
          for (let column = x * across; column < right; column++) {
            sum += picture.data[(row * picture.width + column) * 3 + channel];
          }
        }
        data[(y * width + x) * 3 + channel] = Math.floor((sum * multiplier) / 2 ** 24);
      }
    }
  }
  return { data, width, height };
}

/** As Pillow's ImageOps.fit. */
function cropped(picture, side) {
  const { width, height } = picture;
  const inner = Math.min(width, height);
  const left = (width - inner) * 0.5;
  const top = (height - inner) * 0.5;
  return resized(picture, side, side, [left, top, left + inner, top + inner]);
}

/** As Pillow's ImageOps.pad. */
function padded(picture, side, padding) {
  const { width, height } = picture;
  const newWidth = width < height ? evenRound((width / height) * side) : side;
  const newHeight = width > height ? evenRound((height / width) * side) : side;
  const data = new Uint8Array(side * side * 3).map((_, at) => padding[at % 3]);
  if (newWidth && newHeight) {
    const inner = resized(picture, newWidth, newHeight, [0, 0, width, height]);
    const left = newWidth === side ? 0 : evenRound((side - newWidth) * 0.5);
    const top = newWidth === side ? evenRound((side - newHeight) * 0.5) : 0;
    for (let y = 0; y < newHeight; y++) {
      const row = inner.data.subarray(y * newWidth * 3, (y + 1) * newWidth * 3);
      data.set(row, ((top + y) * side + left) * 3);
    }
  }
  return { data, width: side, height: side };
}

/** As Python's `round`: halves go to the even number. */
function evenRound(value) {
  const floor = Math.floor(value);
  const rest = value - floor;
  return floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0);
}
