// Puts everything together.

const on = (id, kind, act, options) => byId(id).addEventListener(kind, act, options);

for (const [id, act] of [
  ["play", toggle], ["back", () => stepFrames(-1)], ["forward", () => stepFrames(1)], ["before", () => chooseNeighbour(-1)],
  ["after", () => chooseNeighbour(1)], ["video-before", () => openNext(-1)], ["video-after", () => openNext(1)],
  ["zoom-in", () => zoom(0.5)], ["zoom-out", () => zoom(2)], ["fit", fitAll], ["split", split], ["merge", () => merge(1)],
  ["merge-before", () => merge(-1)], ["remove", remove], ["add", add], ["start-here", () => edgeHere("start")],
  ["end-here", () => edgeHere("end")], ["undo", undo], ["redo", redo], ["save", save], ["forget", forgetAll],
  ["take-earlier", takeEarlier], ["drop-earlier", dropEarlier],
  ["play-segment", playSegment], ["show-help", () => byId("help").showModal()], ["close-help", () => byId("help").close()],
]) on(id, "click", act);

on("rate", "change", () => setRate(Number(byId("rate").value)));
on("label", "change", onLabel);
on("naming", "close", onNamed);
on("start", "change", () => onTyped("start"));
on("end", "change", () => onTyped("end"));
on("legend", "click", onLegend);
on("scope", "change", showSaving);
on("sort", "change", () => {
  state.sort = byId("sort").value;
  byId("segments").scrollTop = 0;
  showList();
});
on("threshold", "input", () => {
  state.threshold = Number(byId("threshold").value);
  byId("threshold-value").textContent = state.threshold.toFixed(2);
  refresh();
});
on("checked", "change", () => {
  work().checked = byId("checked").checked;
  keep(state.video);
  refresh();
});
on("find", "input", showVideos);
on("videos", "click", (event) => {
  const row = event.target.closest("[data-video]");
  if (row) openAt(Number(row.dataset.video));
});
on("segments", "click", onListClick);
on("segments", "keydown", onListKey);
on("segments", "scroll", drawRows, { passive: true });

const tracks = byId("tracks");
tracks.addEventListener("pointerdown", onDown);
tracks.addEventListener("pointermove", onMove);
tracks.addEventListener("pointerup", onUp);
tracks.addEventListener("pointercancel", onUp);
tracks.addEventListener("pointerleave", hideTip);
tracks.addEventListener("wheel", onWheel, { passive: false });
on("overview", "pointerdown", onOverview);
on("overview", "pointermove", onOverview);

picture.addEventListener("seeked", onSeeked);
picture.addEventListener("loadedmetadata", () => {
  onSeeked();
  picture.playbackRate = player.rate;
});
picture.addEventListener("error", onBroken);
watchShown();
picture.addEventListener("click", toggle);
document.addEventListener("keydown", onKey);
addEventListener("beforeunload", warnOnLeaving);
addEventListener("resize", redraw);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  fills.clear();
  refresh();
  showLegend();
});

// The address names the video and the time, so that a place can be passed on.
const given = new URLSearchParams(location.hash.replace(/^#/, ""));
const named = data.videos.findIndex((video) => video.id === given.get("video"));
document.body.classList.toggle("single", data.videos.length < 2);
byId("threshold").value = String(state.threshold);
byId("threshold-value").textContent = state.threshold.toFixed(2);
state.sort = "sure";
restoreAll();
tellEarlier();
showLegend();
setRate(1);
openAt(Math.max(named, 0), given.has("t") ? Number(given.get("t")) || 0 : null);
