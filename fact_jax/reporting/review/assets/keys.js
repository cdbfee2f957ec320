// The keyboard. Keys that a field or a list needs itself stay with it.

const RATES = [0.1, 0.25, 0.5, 1, 2, 4];

function nextRate(direction) {
  setRate(RATES[clamp(RATES.indexOf(player.rate) + direction, 0, RATES.length - 1)]);
}

const KEYS = {
  " ": toggle,
  ArrowLeft: (event) => stepFrames(event.shiftKey ? -10 : -1),
  ArrowRight: (event) => stepFrames(event.shiftKey ? 10 : 1),
  ArrowUp: () => chooseNeighbour(-1),
  ArrowDown: () => chooseNeighbour(1),
  Home: () => goToFrame(0),
  End: () => goToFrame(frames().times.length - 1),
  PageUp: () => openNext(-1),
  PageDown: () => openNext(1),
  Enter: playSegment,
  u: () => chooseListed(1),
  U: () => chooseListed(-1),
  s: split,
  m: () => merge(1),
  M: () => merge(-1),
  a: add,
  "[": () => edgeHere("start"),
  "]": () => edgeHere("end"),
  Delete: remove,
  Backspace: remove,
  l: () => byId("label").focus(),
  c: () => byId("checked").click(),
  "+": () => zoom(0.5),
  "=": () => zoom(0.5),
  "-": () => zoom(2),
  f: fitAll,
  "<": () => nextRate(-1),
  ">": () => nextRate(1),
  "?": () => byId("help").showModal(),
  Escape: () => choose(null),
};
const CHANGING = new Set(["s", "m", "M", "a", "[", "]", "Delete", "Backspace"]);

function onKey(event) {
  if (document.querySelector("dialog[open]")) return;
  if (event.ctrlKey || event.metaKey) {
    onCommand(event);
    return;
  }
  if (event.altKey || event.defaultPrevented) return;
  const { tagName, type } = event.target;
  const typing = tagName === "SELECT" || tagName === "TEXTAREA" || (tagName === "INPUT" && type !== "checkbox");
  if (typing) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  // A button is pressed by these.
  if ((tagName === "BUTTON" || tagName === "SUMMARY" || type === "checkbox") && (event.key === " " || event.key === "Enter")) return;
  const usable = data.videos[state.video].seconds;
  if (/^[1-9]$/.test(event.key)) {
    const number = byFrequency()[Number(event.key) - 1];
    if (number !== undefined && usable) label(number);
  } else if (!(event.key in KEYS)) return;
  else if (usable || !CHANGING.has(event.key)) KEYS[event.key](event);
  event.preventDefault();
}

function onCommand(event) {
  const typing = event.target.tagName === "INPUT" && event.target.type !== "checkbox" && event.target.type !== "range";
  const key = event.key.toLowerCase();
  if (key === "s") save();
  else if (typing) return;
  else if (key === "z") (event.shiftKey ? redo : undo)();
  else if (key === "y") redo();
  else return;
  event.preventDefault();
}
