// Data of the page and small helpers.

const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

// "12.34 s", "1:02.34", "1:02:03.34": seconds with so many digits; rows where seconds are not known.
function clock(time, digits = 2) {
  if (!data.videos[state.video].seconds) return `row ${Math.round(time)}`;
  const rounded = Number(time.toFixed(digits));
  if (rounded < 60) return `${rounded.toFixed(digits)} s`;
  const two = (number, places) => (number < 10 ? "0" : "") + number.toFixed(places);
  const [hours, minutes, rest] = [Math.floor(rounded / 3600), Math.floor((rounded % 3600) / 60), rounded % 60];
  return hours ? `${hours}:${two(minutes, 0)}:${two(rest, digits)}` : `${minutes}:${two(rest, digits)}`;
}

const percent = (score) => (score === null ? "" : score.toFixed(2));
const nameOf = (label) => data.classes[label].name;

// What is looked at; everything else follows from it and from the works.
const state = { video: 0, selected: null, threshold: data.threshold, sort: "time", from: 0, to: 1 };

function announce(text) {
  byId("announce").textContent = text;
}

// The first place of a list, in which `before` is true of the first elements and false of the others, where it is false.
function firstWhereNot(length, before) {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (before(middle)) low = middle + 1;
    else high = middle;
  }
  return low;
}
