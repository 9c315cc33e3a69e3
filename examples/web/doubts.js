// What a model is not sure of, from its probabilities and the metadata that tlsearch export writes into the file.

/**
 * The places of the classes in the prediction set, the most probable first: one of them is the true class with the
 * probability `coverage`, a text such as "0.9". The set is empty where the metadata have no threshold for it.
 */
export function predictionSet(probabilities, metadata, coverage) {
  const thresholds = JSON.parse(metadata.prediction_sets ?? "{}");
  if (!(coverage in thresholds)) {
    return [];
  }
  const most = thresholds[coverage] ?? Infinity; // null: there were too few images, and every class is taken
  const order = probabilities.map((_, at) => at).sort((one, other) => probabilities[other] - probabilities[one]);
  const found = [];
  let before = 0;
  for (const at of order) {
    if (before > most) {
      break;
    }
    found.push(at);
    before += probabilities[at];
  }
  return found;
}

/** Whether a picture at this distance is unlike the training images; false where the file tells no distance. */
export function isUnlike(distance, metadata) {
  return distance !== undefined && metadata.unlike_above !== undefined && distance > Number(metadata.unlike_above);
}
