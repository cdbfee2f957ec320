// Labels as a table: video,start,end,label in seconds, and the confidence where the network's own label was kept.

// Seconds with six digits, rounded up, so that a label never begins before its frame; the end of a video is no frame.
function seconds(time, frames) {
  const millionths = time >= frames.end ? Math.floor(time * 1e6 + 1e-3) : Math.ceil(time * 1e6 - 1e-3);
  return String(Number((millionths / 1e6).toFixed(6)));
}

function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvOf(indices) {
  const scored = indices.some((index) => workOf(index).predicted.some((segment) => segment.score !== null));
  const lines = [scored ? "video,start,end,label,confidence" : "video,start,end,label"];
  for (const index of indices) {
    const frames = framesOf(index);
    for (const segment of workOf(index).segments.filter((one) => isShown(one, data.videos[index]))) {
      const row = [quoted(data.videos[index].id), seconds(segment.start, frames), seconds(segment.end, frames), quoted(nameOf(segment.label))];
      if (scored) row.push(segment.score === null ? "" : String(segment.score));
      lines.push(row.join(","));
    }
  }
  return `${lines.join("\n")}\n`;
}

function download(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/csv;charset=utf-8" }));
  const link = element("a", { href: address, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
}
