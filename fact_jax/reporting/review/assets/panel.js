// What is chosen: its label, its times, and what can be done with it; and the classes.

const NEW_CLASS = "new";

function showPanel() {
  const segment = selected();
  const usable = data.videos[state.video].seconds;
  for (const part of byId("panel").querySelectorAll("button, select, input")) part.disabled = !segment || !usable;
  byId("add").disabled = !usable;
  byId("chosen").textContent = segment ? "Chosen segment" : "No segment is chosen: click one on the timeline or in the list.";
  byId("label").replaceChildren(...labelOptions(segment));
  for (const side of ["start", "end"]) {
    const field = byId(side);
    if (document.activeElement !== field || !segment) field.value = segment ? String(Number(segment[side].toFixed(3))) : "";
  }
  byId("confidence").textContent = !segment ? "" : segment.own ? "corrected here" : segment.score === null ? "" : `${facts().overlapping ? "score" : "confidence"} ${percent(segment.score)}`;
  for (const chip of byId("legend").querySelectorAll(".chip")) {
    chip.setAttribute("aria-pressed", String(Boolean(segment) && Number(chip.dataset.label) === segment.label));
  }
}

function labelOptions(segment) {
  const options = data.classes.map((one, number) => element("option", { value: number, selected: Boolean(segment) && segment.label === number }, one.name));
  return [...options, element("option", { value: NEW_CLASS }, "a new class …")];
}

function onLabel() {
  const { value } = byId("label");
  if (value !== NEW_CLASS) {
    label(Number(value));
    return;
  }
  showPanel();
  byId("new-name").value = "";
  byId("naming").showModal();
}

function onNamed(event) {
  const name = byId("new-name").value.trim();
  if (event.target.returnValue !== "take" || !name) return;
  const number = addClass(name);
  showLegend();
  label(number);
}

// A time that was typed goes to the nearest frame.
function onTyped(side) {
  const time = Number(byId(side).value);
  if (byId(side).value !== "" && Number.isFinite(time)) moveEdge(side, time);
  else showPanel();
}

function showLegend() {
  const keys = new Map(byFrequency().slice(0, 9).map((number, place) => [number, place + 1]));
  const order = byFrequency();
  byId("legend").replaceChildren(...order.map((number) => element("button", { type: "button", class: "chip", "data-label": number, "aria-pressed": "false", title: nameOf(number) },
    swatch(number), element("span", { class: "name" }, nameOf(number)), keys.has(number) ? element("kbd", {}, String(keys.get(number))) : null)));
}

function onLegend(event) {
  const chip = event.target.closest("[data-label]");
  if (chip) label(Number(chip.dataset.label));
}

// Everything that depends on the segments.
function refresh() {
  if (!selected()) state.selected = null;
  showPanel();
  showList();
  if (data.videos.length > 1) showVideos();
  showSaving();
  showTime();
  redraw();
}
