// A picture by drop, paste or pick ([data-filedrop]). Whatever the way, it ends in the file input, which says "change".
const figure = (number) => number.toLocaleString(document.documentElement.lang);

function parts(zone) {
  const one = (name) => zone.querySelector(`[data-filedrop-${name}]`);
  return { input: zone.querySelector("input[type=file]"), thumb: one("thumb"), name: one("name"), meta: one("meta"), clear: one("clear") };
}

function put(zone, files) {
  const { input } = parts(zone);
  const held = new DataTransfer();
  for (const file of [...files].slice(0, input.multiple ? files.length : 1)) held.items.add(file);
  input.files = held.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

function show(zone) {
  const { input, thumb, name, meta, clear } = parts(zone);
  const file = input.files[0];
  if (thumb.src.startsWith("blob:")) URL.revokeObjectURL(thumb.src);
  thumb.hidden = clear.hidden = !file;
  zone.dataset.state = file ? "filled" : "";
  name.textContent = file ? file.name : name.dataset.empty;
  meta.textContent = file ? `${figure(Math.ceil(file.size / 1024))} KB` : meta.dataset.empty;
  if (!file) return thumb.removeAttribute("src");
  thumb.onload = () => (meta.textContent = `${figure(thumb.naturalWidth)} × ${figure(thumb.naturalHeight)} · ${figure(Math.ceil(file.size / 1024))} KB`);
  thumb.onerror = () => (thumb.hidden = true);
  thumb.src = URL.createObjectURL(file);
}

const zoneOf = (event) => event.target.closest?.("[data-filedrop]");

document.addEventListener("change", (event) => {
  if (event.target.type === "file" && zoneOf(event)) show(zoneOf(event));
});
document.addEventListener("click", (event) => {
  const clear = event.target.closest("[data-filedrop-clear]");
  if (!clear) return;
  const zone = clear.closest("[data-filedrop]");
  parts(zone).input.focus();
  put(zone, []);
});
for (const kind of ["dragover", "dragleave", "drop"])
  document.addEventListener(kind, (event) => {
    const zone = zoneOf(event);
    if (!zone) return;
    event.preventDefault();
    zone.toggleAttribute("data-over", kind === "dragover");
    if (kind === "drop" && event.dataTransfer.files.length) put(zone, event.dataTransfer.files);
  });
document.addEventListener("paste", (event) => {
  const zone = document.querySelector("[data-filedrop]");
  if (!zone || !event.clipboardData.files.length) return;
  event.preventDefault();
  put(zone, event.clipboardData.files);
});
