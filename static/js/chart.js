// Charts ([data-chart]): one Tab stop, arrows walk the buckets, and a tooltip tells what the table's row tells.
let [shown, touched] = [null, null];
const bucketsOf = (inner) => [...inner.closest("[data-chart]").querySelectorAll(".bucket")];
const tipOf = (inner) => inner.closest("[data-chart]").querySelector(".chart-tip");
const clamp = (number, most) => Math.max(0, Math.min(number, most));
const say = (tag, text) => Object.assign(document.createElement(tag), { textContent: text });

// The Tab stop is the newest bucket; the browser's own tooltip gives way to ours.
function prepare(root) {
  for (const bucket of root.querySelectorAll(".bucket[title]")) {
    bucket.setAttribute("aria-label", bucket.title);
    bucket.removeAttribute("title");
    bucket.tabIndex = bucket.parentElement.nextElementSibling ? -1 : 0;
  }
}

function fill(tip, row, heads) {
  const lines = [...row.cells].slice(1).map((cell, i) => {
    const [line, head] = [say("p", ""), heads[i + 1]];
    Object.assign(line.dataset, head.dataset); // its colour
    line.append(say("span", head.textContent), say("span", cell.textContent));
    return line;
  });
  tip.replaceChildren(say("strong", row.cells[0].textContent), ...lines);
}

function show(bucket) {
  if (shown === bucket) return;
  hide();
  shown = bucket;
  bucket.dataset.current = "yes";
  const tip = tipOf(bucket);
  const table = bucket.closest("[data-chart]").querySelector("table");
  fill(tip, table.tBodies[0].rows[bucketsOf(bucket).indexOf(bucket)], table.tHead.rows[0].cells);
  tip.hidden = false;
  // On the side that has more room, and never outside the plot.
  const { offsetLeft: left, offsetWidth: width } = bucket.parentElement;
  const room = tip.parentElement.clientWidth;
  const wanted = left + width / 2 > room / 2 ? left - tip.offsetWidth - 8 : left + width + 8;
  tip.style.left = `${clamp(wanted, room - tip.offsetWidth)}px`;
}

function hide() {
  if (!shown) return;
  delete shown.dataset.current;
  tipOf(shown).hidden = true;
  shown = null;
}

function point(event) {
  if (event.type === "pointerdown") touched = shown;
  const list = event.target.closest?.(".buckets");
  if (!list) return shown !== document.activeElement && hide();
  const { left, width } = list.getBoundingClientRect();
  const at = Math.floor(((event.clientX - left) / width) * list.children.length);
  show(bucketsOf(list)[clamp(at, list.children.length - 1)]);
}

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") hide();
  const bucket = event.target.closest?.(".bucket");
  if (!bucket || event.altKey || event.ctrlKey || event.metaKey) return;
  const all = bucketsOf(bucket);
  const by = { ArrowLeft: -1, ArrowRight: 1, Home: -all.length, End: all.length }[event.key];
  if (!by) return;
  event.preventDefault();
  all[clamp(all.indexOf(bucket) + by, all.length - 1)].focus();
});
document.addEventListener("focusin", (event) => {
  const bucket = event.target.closest(".bucket");
  if (!bucket) return hide();
  for (const other of bucketsOf(bucket)) other.tabIndex = other === bucket ? 0 : -1;
  show(bucket);
});
for (const type of ["pointermove", "pointerdown"]) document.addEventListener(type, point);
// The first tap tells, the second follows.
document.addEventListener("click", (event) => {
  if (event.target.closest(".bucket") && event.pointerType === "touch" && touched !== shown) event.preventDefault();
});
document.addEventListener("htmx:load", (event) => prepare(event.detail.elt));
prepare(document);
