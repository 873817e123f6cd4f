// Files out of drops, folders and inputs.

const NOISE = /^(\.|~\$|thumbs\.db$|desktop\.ini$)/i; // what systems leave in folders, no pictures

function entriesOf(reader) {
  return new Promise((resolve, reject) => reader.readEntries(resolve, reject));
}

async function walk(entry, found) {
  if (entry.isFile) {
    found.push(await new Promise((resolve, reject) => entry.file(resolve, reject)));
    return;
  }
  const reader = entry.createReader();
  // A reader gives a hundred at a time, and none at the end.
  for (let some = await entriesOf(reader); some.length; some = await entriesOf(reader)) {
    for (const inner of some) await walk(inner, found);
  }
}

// All files of a drop, those in folders too, whatever their depth. Call it within the drop's event.
export async function dropped(transfer) {
  const entries = [...transfer.items]
    .map((item) => (item.kind === "file" ? item.webkitGetAsEntry?.() : null))
    .filter(Boolean);
  if (entries.length === 0) return { files: [...transfer.files], skipped: 0 };
  const found = [];
  for (const entry of entries) await walk(entry, found);
  return withoutNoise(found, entries.some((entry) => entry.isDirectory));
}

// Of a folder, what may be a picture; single files that somebody chose are all taken.
export function withoutNoise(files, isFolder) {
  if (!isFolder) return { files, skipped: 0 };
  const kept = files.filter((file) => !NOISE.test(file.name));
  kept.sort((one, other) => one.name.localeCompare(other.name, undefined, { numeric: true }));
  return { files: kept, skipped: files.length - kept.length };
}
