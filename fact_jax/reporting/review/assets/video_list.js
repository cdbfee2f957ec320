// The list of videos, with a search; it is not there for a single one.

const MOST_VIDEOS = 200;

function openAt(index, time = null) {
  state.video = clamp(index, 0, data.videos.length - 1);
  state.selected = null;
  hideTip();
  openVideo(state.video);
  const all = frames();
  [state.from, state.to] = [0, all.end];
  byId("video-name").textContent = data.videos[state.video].id;
  byId("video-name").title = data.videos[state.video].id;
  byId("checked").checked = work().checked;
  byId("timeline").setAttribute("aria-valuemin", all.times[0].toFixed(3));
  byId("timeline").setAttribute("aria-valuemax", all.end.toFixed(3));
  byId("score-choice").hidden = !data.videos[state.video].overlapping;
  showSorts();
  fitAll();
  refresh();
  byId("segments").scrollTop = 0;
  if (time !== null) goTo(time);
  showTime();
}

function openNext(direction) {
  const next = state.video + direction;
  if (!data.videos[next]) return;
  openAt(next);
  announce(data.videos[next].id);
}

function showVideos() {
  const words = byId("find").value.trim().toLowerCase();
  const fitting = data.videos.map((_, index) => index).filter((index) => data.videos[index].id.toLowerCase().includes(words));
  const rows = fitting.slice(0, MOST_VIDEOS).map((index) => {
    const one = works.get(index);
    const marks = [one && isEdited(one) ? "corrected" : "", one && one.checked ? "checked" : ""].filter(Boolean).join(", ");
    return element("li", {}, element("button", { type: "button", class: "video", "data-video": index, "aria-current": index === state.video ? "true" : null },
      element("span", { class: "name" }, data.videos[index].id), element("span", { class: "what" }, marks || doubt(index))));
  });
  const more = fitting.length - rows.length;
  if (more > 0) rows.push(element("li", { class: "what" }, `and ${more} more: search for them`));
  byId("videos").replaceChildren(...rows);
  byId("video-count").textContent = fitting.length === data.videos.length ? "" : `${fitting.length} of ${plural(data.videos.length, "video")}`;
}

// How sure the network was of a video, as far as it says so.
function doubt(index) {
  const { predicted, overlapping } = data.videos[index];
  const scores = predicted.filter((_, place) => place % 4 === 3 && predicted[place] !== null);
  if (!scores.length || overlapping) return plural(predicted.length / 4, "segment");
  return `least sure ${Math.min(...scores).toFixed(2)}`;
}
