// Clips have no times: a line has a part for every head. The functions here take the place of those with the same names
// in page_basics.js and page_timelines.js.

function duration() {
  return null;
}

function when(run) {
  return data.heads.length > 1 ? data.heads.slice(run.start, run.end).join(", ") : "whole clip";
}

function drawAxis(heads, width) {
  const length = element("div", { class: "length", style: `width:${width}` });
  if (heads > 1) {
    data.heads.forEach((head, place) => length.append(element("span", { style: `left:${(100 * place) / heads}%` }, head)));
  }
  return element("div", { class: "row axis-row", "aria-hidden": "true" },
    element("span"), element("div", { class: "track" }, length), element("span"));
}
