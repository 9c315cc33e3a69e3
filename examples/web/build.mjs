// Puts the page, the runtime and a model into a folder that any web server can serve: everything that the page needs.
//
//     npm ci --ignore-scripts && npm run build -- MODEL.onnx [FOLDER]

import { copyFileSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const runtime = join(here, "node_modules", "onnxruntime-web");
const PAGE = ["index.html", "style.css", "app.js", "picture.js", "resize.js", "metadata.js", "doubts.js"];
const RUNTIME = ["ort.wasm.bundle.min.mjs", "ort-wasm-simd-threaded.wasm"];

function end(sentence) {
  console.error(`Error: ${sentence}`);
  process.exit(2);
}

const [model, folder = join(here, "site")] = process.argv.slice(2);
if (!model) {
  end("no model is named: npm run build -- MODEL.onnx, a file that tlsearch export has written.");
}
if (!existsSync(model)) {
  end(`${model} does not exist: write it with tlsearch export MODEL_DIR --format onnx.`);
}
if (!existsSync(runtime)) {
  end("onnxruntime-web is not here yet: npm ci --ignore-scripts brings it.");
}

mkdirSync(folder, { recursive: true });
PAGE.forEach((name) => copyFileSync(join(here, name), join(folder, name)));
RUNTIME.forEach((name) => copyFileSync(join(runtime, "dist", name), join(folder, name)));
copyFileSync(model, join(folder, "model.onnx"));
console.log(`${resolve(folder)} holds the page: python -m http.server --bind 127.0.0.1 --directory ${folder}`);
