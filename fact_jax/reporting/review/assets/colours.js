// Colours of the classes, with hatches where colours alone do not tell them apart.

const MARKS = {
  "//": "M-2 2L2 -2M0 8L8 0M6 10L10 6", "\\\\": "M-2 6L2 10M0 0L8 8M6 -2L10 2", xx: "M0 0L8 8M0 8L8 0",
  "--": "M0 4H8", "||": "M4 0V8", "++": "M0 4H8M4 0V8", "..": "M3 4a1 1 0 1 0 2 0a1 1 0 1 0 -2 0", oo: "M2 4a2 2 0 1 0 4 0a2 2 0 1 0 -4 0",
};
const fills = new Map();

// Colour of the page by its name in the style sheet; it depends on whether it is day or night.
function inkOf(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function plainFill(label) {
  return data.classes[label].background ? inkOf("background-class") : data.classes[label].color;
}

function textOn(label) {
  return data.classes[label].background ? inkOf("ink") : data.classes[label].text;
}

// What a canvas fills the segments of a class with.
function fillOf(context, label) {
  if (!fills.has(label)) fills.set(label, data.classes[label].hatch ? hatched(context, label) : plainFill(label));
  return fills.get(label);
}

function hatched(context, label) {
  const { hatch } = data.classes[label];
  const tile = element("canvas", { width: 16, height: 16 });
  const drawn = tile.getContext("2d");
  drawn.fillStyle = plainFill(label);
  drawn.fillRect(0, 0, 16, 16);
  drawn.scale(2, 2);
  drawn.strokeStyle = textOn(label);
  drawn.globalAlpha = 0.55;
  drawn.lineWidth = 1.1;
  drawn.stroke(new Path2D(MARKS[hatch.slice(0, 2)]));
  const pattern = context.createPattern(tile, "repeat");
  // Four letters are the denser form of two.
  pattern.setTransform(new DOMMatrix().scale(hatch.length > 2 ? 0.3 : 0.5));
  return pattern;
}

function swatch(label) {
  const made = element("canvas", { class: "swatch", width: 28, height: 28, "aria-hidden": "true" });
  const context = made.getContext("2d");
  context.scale(2, 2);
  context.fillStyle = fillOf(context, label);
  context.fillRect(0, 0, 14, 14);
  return made;
}

// A class that somebody names while correcting takes the colour that has been used least.
function addClass(name) {
  const known = data.classes.findIndex((one) => one.name === name);
  if (known >= 0) return known;
  const uses = new Map();
  data.classes.filter((one) => !one.background).forEach((one) => uses.set(one.color, (uses.get(one.color) || 0) + 1));
  const look = data.classes.filter((one) => !one.background).sort((a, b) => uses.get(a.color) - uses.get(b.color))[0];
  const hatch = look && look.hatch === "" ? "//" : "";
  data.classes.push({ color: "#5A78FF", text: "black", ...look, hatch, name, background: false, count: 0 });
  return data.classes.length - 1;
}
