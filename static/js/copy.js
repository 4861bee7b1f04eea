// Copy buttons: data-copy="text" or data-copy-from="id of an element"; the word changes to data-copied for a moment.
const SAYS_SO_MS = 1600;

async function write(text) {
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = Object.assign(document.createElement("textarea"), { value: text });
  document.body.append(area);
  area.select();
  document.execCommand("copy"); // pages without TLS have no clipboard object
  area.remove();
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-from]");
  if (!button) return;
  await write(button.dataset.copy ?? document.getElementById(button.dataset.copyFrom).textContent);
  const word = button.querySelector("[data-copy-word]");
  if (!word || word.dataset.was) return;
  word.dataset.was = word.textContent;
  word.textContent = button.dataset.copied;
  setTimeout(() => {
    word.textContent = word.dataset.was;
    delete word.dataset.was;
  }, SAYS_SO_MS);
});
