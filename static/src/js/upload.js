// Uploading pictures and videos, with progress, from the picker, by dropping
// and by pasting.
//
//   data-upload="/media"     the place: an element that holds
//     input[type=file]         the picker (inside a label, so it works by keyboard)
//     data-upload-list         where tiles go
//     template[data-upload-tile]  a tile while its file is under way; in it
//       data-upload-name, progress, data-upload-error, data-upload-cancel, data-upload-again
//   data-upload-paste="id"   on a text field: pictures pasted into it go to the place with that id
//
// A file goes in pieces of at most 4 MiB, each a POST with the bytes as body and
//
//   Upload-Id: 32 hex digits chosen here      Upload-Name: URI-encoded file name
//   Upload-Type: image/png                    Upload-Size: bytes of the whole file
//   Upload-Offset: where the piece begins
//
// Answers: 204 a piece was taken, 201 the file is complete and the body is its
// tile (HTML), 4xx a sentence in plain text. A piece may be sent again.
// When tiles come or go, the place gets the event "media".
import htmx from "htmx.org";
import { named } from "./media.js";
import { clone, headers, on, random, say } from "./page.js";

const piece = 4 << 20;
const tries = 4;

function send(place, file, id, offset, progress, abort) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    abort.now = () => xhr.abort();
    xhr.open("POST", place.dataset.upload);
    const all = {
      ...headers(),
      "Content-Type": "application/octet-stream",
      "HX-Request": "true",
      "Upload-Id": id,
      "Upload-Name": encodeURIComponent(file.name || "pasted"),
      "Upload-Type": file.type,
      "Upload-Size": file.size,
      "Upload-Offset": offset,
    };
    for (const [name, value] of Object.entries(all)) xhr.setRequestHeader(name, value);
    xhr.upload.onprogress = (event) => progress(offset + event.loaded);
    xhr.onload = () => resolve(xhr);
    xhr.onerror = () => reject(new Error("connection"));
    xhr.onabort = () => reject(new Error("aborted"));
    xhr.send(file.slice(offset, offset + piece));
  });
}

// whole sends all pieces and returns the last answer; a lost connection is tried again, a refusal is not.
async function whole(place, file, progress, abort) {
  const id = random();
  let failed = 0;
  for (let offset = 0; ; ) {
    try {
      const xhr = await send(place, file, id, offset, progress, abort);
      if (xhr.status !== 204) return xhr;
      offset += piece;
      failed = 0;
      if (offset >= file.size) throw new Error("incomplete");
    } catch (error) {
      if (error.message !== "connection" || ++failed >= tries) throw error;
      await new Promise((resolve) => setTimeout(resolve, 500 * 2 ** failed));
    }
  }
}

async function upload(place, file) {
  const tile = clone("template[data-upload-tile]", place);
  const bar = tile.querySelector("progress");
  const error = tile.querySelector("[data-upload-error]");
  const again = tile.querySelector("[data-upload-again]");
  const abort = {};
  tile.querySelector("[data-upload-name]").textContent = file.name || "Pasted picture";
  tile.querySelector("[data-upload-cancel]").onclick = () => {
    abort.now?.();
    tile.remove();
    tell(place);
  };
  again.onclick = () => {
    tile.remove();
    upload(place, file);
  };
  place.querySelector("[data-upload-list]").append(tile);
  tell(place);

  const fail = (text, repeatable) => {
    error.textContent = text;
    error.hidden = false;
    bar.hidden = true;
    again.hidden = !repeatable;
    tile.dataset.failed = "";
    say(`${file.name}: ${text}`);
    tell(place);
  };
  try {
    const progress = (sent) => (bar.value = file.size ? Math.min(sent / file.size, 1) : 1);
    const xhr = await whole(place, file, progress, abort);
    if (xhr.status === 201 || xhr.status === 200) done(place, tile, xhr.responseText, file);
    else fail(sentence(xhr), xhr.status >= 500);
  } catch (problem) {
    if (problem.message !== "aborted") fail("The connection was lost.", true);
  }
}

function sentence(xhr) {
  if (xhr.status < 500 && xhr.getResponseHeader("Content-Type")?.startsWith("text/plain")) return xhr.responseText.trim();
  if (xhr.status === 413) return "The file is too large.";
  return "AllIN could not take the file.";
}

function done(place, tile, html, file) {
  const made = document.createElement("template");
  made.innerHTML = html;
  const element = made.content.firstElementChild;
  named(place, element);
  tile.replaceWith(element);
  htmx.process(element);
  say(`${file.name || "The picture"} is uploaded.`);
  tell(place);
}

const tell = (place) => place.dispatchEvent(new CustomEvent("media", { bubbles: true }));

function take(place, files) {
  for (const file of files) upload(place, file);
}

on("change", "[data-upload] input[type=file]", (_, input) => {
  take(input.closest("[data-upload]"), [...input.files]);
  input.value = "";
});

const hasFiles = (event) => event.dataTransfer?.types.includes("Files");

on("dragover", "[data-upload]", (event, place) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  place.dataset.over = "";
});
on("dragleave", "[data-upload]", (event, place) => place.contains(event.relatedTarget) || delete place.dataset.over);
on("drop", "[data-upload]", (event, place) => {
  delete place.dataset.over;
  if (!hasFiles(event)) return;
  event.preventDefault();
  take(place, [...event.dataTransfer.files]);
});

on("paste", "[data-upload-paste]", (event, field) => {
  const files = [...(event.clipboardData?.files ?? [])];
  const place = document.getElementById(field.dataset.uploadPaste);
  if (files.length === 0 || !place) return;
  event.preventDefault();
  take(place, files);
});

on("click", "[data-upload-remove]", (_, button) => {
  const place = button.closest("[data-upload]");
  button.closest("[data-upload-item]").remove();
  tell(place);
});
