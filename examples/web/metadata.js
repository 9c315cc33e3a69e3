// What an exported ONNX file says of itself. onnxruntime-web does not tell it, so it is read from the file:
// a protocol buffer whose field 14 repeats pairs of texts (ModelProto.metadata_props in onnx.proto).

const METADATA_PROPS = 14;
const VARINT = 0;
const SIXTY_FOUR_BITS = 1;
const BYTES = 2;
const THIRTY_TWO_BITS = 5;

/** The metadata of an ONNX file, an object of texts; `bytes` is its content, a Uint8Array. */
export function metadataOf(bytes) {
  const metadata = {};
  for (const { field, value } of fieldsOf(bytes)) {
    if (field === METADATA_PROPS) {
      const pair = Object.fromEntries([...fieldsOf(value)].map((part) => [part.field, textOf(part.value)]));
      metadata[pair[1] ?? ""] = pair[2] ?? "";
    }
  }
  return metadata;
}

/** The fields of a message that hold bytes, in their order: `{field, value}`. Others are passed over. */
function* fieldsOf(bytes) {
  let at = 0;
  const varint = () => {
    let value = 0;
    for (let scale = 1; at < bytes.length; scale *= 128) {
      const byte = bytes[at++];
      value += (byte & 127) * scale; // not shifted: lengths may have more than 31 bits
      if (byte < 128) {
        return value;
      }
    }
    throw new Error("the file ends too early");
  };
  while (at < bytes.length) {
    const key = varint();
    const kind = key % 8;
    if (kind === VARINT) {
      varint();
    } else if (kind === SIXTY_FOUR_BITS) {
      at += 8;
    } else if (kind === THIRTY_TWO_BITS) {
      at += 4;
    } else if (kind === BYTES) {
      const length = varint();
      if (at + length > bytes.length) {
        throw new Error("the file ends too early");
      }
      yield { field: Math.floor(key / 8), value: bytes.subarray(at, at + length) };
      at += length;
    } else {
      throw new Error("it is no ONNX file");
    }
  }
}

function textOf(bytes) {
  return new TextDecoder().decode(bytes);
}
