// Corrections are kept in the browser until they are saved as a file, and longer.

const keyOf = (index) => `review:${data.key}:${data.videos[index].id}`;
let unsaved = new Set();

// Returns whether the browser keeps it.
function keep(index, saved = false) {
  const one = workOf(index);
  if (saved) unsaved.delete(index);
  else unsaved.add(index);
  const segments = one.segments.map(({ label, start, end, score, own }) => [nameOf(label), start, end, score, own]);
  const text = JSON.stringify({ segments: isEdited(one) ? segments : null, checked: one.checked, saved, when: Date.now() });
  const kept = store(keyOf(index), text);
  tellKeeping(kept);
  showSaving();
  return kept;
}

// Whether the browser kept it: it may be full, or told not to keep anything.
function store(key, text) {
  try {
    localStorage.setItem(key, text);
    return true;
  } catch {
    return false;
  }
}

function drop(key) {
  try {
    localStorage.removeItem(key);
  } catch {
    return; // nothing could be kept either
  }
}

function stored(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

function tellKeeping(kept) {
  byId("not-kept").hidden = kept;
}

// Takes what an earlier visit left of a video.
function restore(index, one) {
  const left = stored(keyOf(index));
  if (!left) return;
  one.checked = left.checked;
  if (left.segments) {
    one.segments = segmentsFrom(left.segments);
    one.past.push({ segments: one.predicted, selected: null });
  }
}

function segmentsFrom(kept) {
  return kept.map(([name, start, end, score, own]) => ({ id: newId(), label: addClass(name), start, end, score, own }));
}

// Videos that an earlier visit left something of.
function restoreAll() {
  const found = data.videos.map((_, index) => index).filter((index) => stored(keyOf(index)));
  found.forEach((index) => {
    if (!stored(keyOf(index)).saved) unsaved.add(index);
    workOf(index);
  });
  const edited = found.filter((index) => isEdited(workOf(index)));
  byId("restored").hidden = !edited.length;
  byId("restored-count").textContent = `Corrections of ${plural(edited.length, "video")} from an earlier visit are here again.`;
}

function forgetAll() {
  data.videos.forEach((_, index) => drop(keyOf(index)));
  works.clear();
  unsaved = new Set();
  state.selected = null;
  byId("restored").hidden = true;
  refresh();
  announce("Back to the predictions.");
}

function savedVideos() {
  const scope = byId("scope").value;
  const all = data.videos.map((_, index) => index).filter((index) => data.videos[index].seconds);
  if (scope === "all") return all;
  if (scope === "this") return all.filter((index) => index === state.video);
  return all.filter((index) => works.has(index) && (isEdited(workOf(index)) || workOf(index).checked));
}

function showSaving() {
  const count = savedVideos().length;
  byId("save").disabled = !count;
  const left = plural(unsaved.size, "video");
  byId("saving").textContent = unsaved.size ? `${left} not saved as a file yet` : "";
  byId("save-what").textContent = count ? plural(count, "video") : "nothing to save";
  byId("undo").disabled = !work().past.length;
  byId("redo").disabled = !work().future.length;
}

function save() {
  const indices = savedVideos();
  if (!indices.length) return;
  download("corrected_labels.csv", csvOf(indices));
  indices.filter((index) => unsaved.has(index)).forEach((index) => keep(index, true));
  announce(`Saved the labels of ${plural(indices.length, "video")} as corrected_labels.csv.`);
}

function warnOnLeaving(event) {
  if (unsaved.size) event.preventDefault();
}
