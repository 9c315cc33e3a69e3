// The page: pictures that are dropped or chosen go through the network, one after another, and nothing leaves the browser.

import * as ort from "./ort.wasm.bundle.min.mjs";

import { isUnlike, predictionSet } from "./doubts.js";
import { metadataOf } from "./metadata.js";
import { pixelsOf } from "./picture.js";

const SHOWN = 3; // classes of each picture
const COVERAGE = "0.9"; // one of those that the metadata of the model have a threshold for

const status = document.getElementById("status");
const answers = document.getElementById("answers");
const field = document.getElementById("files");
const area = document.getElementById("drop");

ort.env.wasm.numThreads = 1; // more need headers that not every server sends
ort.env.wasm.wasmPaths = { wasm: new URL("ort-wasm-simd-threaded.wasm", import.meta.url).href };

const network = await open("model.onnx").catch((error) => {
  status.textContent = `The model cannot be used (${error.message}): build the page again.`;
  throw error;
});
say();
field.disabled = false;

let busy = Promise.resolve();
field.addEventListener("change", () => take(field.files));
area.addEventListener("dragover", (event) => {
  event.preventDefault();
  area.classList.add("over");
});
area.addEventListener("dragleave", () => area.classList.remove("over"));
area.addEventListener("drop", (event) => {
  event.preventDefault();
  area.classList.remove("over");
  take(event.dataTransfer.files);
});

/** The session, the names of the classes and the metadata of the model at `address`. */
async function open(address) {
  const response = await fetch(address);
  if (!response.ok) {
    throw new Error(`${address} is not there`);
  }
  const bytes = new Uint8Array(await response.arrayBuffer());
  const metadata = metadataOf(bytes);
  if (!metadata.labels || !metadata.image_size) {
    throw new Error("it is no ONNX file of tlsearch export");
  }
  const session = await ort.InferenceSession.create(bytes, { executionProviders: ["wasm"] });
  return { session, metadata, labels: JSON.parse(metadata.labels) };
}

function say() {
  status.textContent = `It knows ${network.labels.length} classes: ${network.labels.join(", ")}.`;
}

/** Classify files, in their order, after those that were given before. */
function take(files) {
  for (const file of [...files]) {
    const card = cardOf(file);
    busy = busy.then(() => answer(file, card));
  }
}

async function answer(file, card) {
  const text = card.querySelector("div");
  try {
    const side = Number(network.metadata.image_size);
    const pixels = new ort.Tensor("float32", await pixelsOf(file, network.metadata), [1, side, side, 3]);
    const found = await network.session.run({ [network.session.inputNames[0]]: pixels });
    const probabilities = [...found.probabilities.data];
    card.dataset.probabilities = JSON.stringify(probabilities);
    text.replaceChildren(...bars(probabilities), ...doubts(probabilities, found.distance?.data[0], network.metadata));
  } catch (error) {
    card.dataset.error = error.message;
    text.textContent = `${file.name} cannot be used: ${error.message}.`;
  }
}

/** A place for the answer, with the picture beside it. */
function cardOf(file) {
  const card = document.createElement("article");
  const image = document.createElement("img");
  const text = document.createElement("div");
  image.alt = file.name;
  image.src = URL.createObjectURL(file);
  image.onload = image.onerror = () => URL.revokeObjectURL(image.src);
  text.textContent = "...";
  card.dataset.name = file.name;
  card.append(image, text);
  answers.append(card);
  return card;
}

/** What the network is not sure of, as lines: "not sure: A or B", and whether the picture is unlike the training images. */
function doubts(probabilities, distance, metadata) {
  const names = predictionSet(probabilities, metadata, COVERAGE).map((at) => network.labels[at]);
  const lines = names.length > 1 ? [`not sure: ${names.slice(0, -1).join(", ")} or ${names.at(-1)}`] : [];
  if (isUnlike(distance, metadata)) {
    lines.push("unlike the training images");
  }
  return lines.map((line) => {
    const row = document.createElement("p");
    row.className = "doubt";
    row.textContent = line;
    return row;
  });
}

/** The most probable classes, best first, each as a bar. */
function bars(probabilities) {
  const order = probabilities.map((_, at) => at).sort((one, other) => probabilities[other] - probabilities[one]);
  return order.slice(0, SHOWN).map((at) => {
    const row = document.createElement("p");
    const bar = document.createElement("meter");
    const name = document.createElement("span");
    bar.value = probabilities[at];
    bar.title = network.labels[at];
    name.textContent = `${network.labels[at]} ${(100 * probabilities[at]).toFixed(1)} %`;
    row.append(name, bar);
    return row;
  });
}
