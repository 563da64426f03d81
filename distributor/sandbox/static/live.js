"use strict";
// Makes the page live: listens for changes, fetches the page again and replaces the parts that differ.
// Everything here is also possible without it, by reloading.
(function () {
  const seen = new Map();
  const parts = () => document.querySelectorAll("[data-live]");
  const toEnd = (part) => { if (part.dataset.live === "end") part.scrollTop = part.scrollHeight; };
  // A picture or a video takes its height only once it is known: the newest message stays in view.
  const settle = (part) => part.querySelectorAll("img, video").forEach((shot) => {
    shot.addEventListener(shot.matches("img") ? "load" : "loadedmetadata", () => toEnd(part), { once: true });
  });
  let waiting = null;

  parts().forEach((part) => { seen.set(part.id, part.innerHTML); toEnd(part); settle(part); });

  async function refresh() {
    waiting = null;
    const answer = await fetch(location.href);
    if (!answer.ok) return;
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    parts().forEach((part) => {
      const other = fresh.getElementById(part.id);
      if (!other || seen.get(part.id) === other.innerHTML) return;
      const atEnd = part.scrollHeight - part.scrollTop - part.clientHeight < 120;
      seen.set(part.id, other.innerHTML);
      part.innerHTML = other.innerHTML;
      if (atEnd) toEnd(part);
      if (atEnd) settle(part);
    });
  }

  function soon() { if (waiting === null) waiting = setTimeout(() => refresh().catch(() => {}), 80); }

  function say(text, alert) {
    if (!text) return;
    const toast = document.getElementById("toast");
    toast.textContent = text;
    toast.hidden = false;
    clearTimeout(say.timer);
    say.timer = setTimeout(() => { toast.hidden = true; }, alert ? 8000 : 4000);
  }

  document.addEventListener("submit", async (event) => {
    const form = event.target;
    if (!form.matches("form[data-quiet]")) return;
    event.preventDefault();
    const body = new FormData(form, event.submitter);
    const button = event.submitter;
    if (button) button.classList.add("busy");
    try {
      const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
      const { notice, alert } = await answer.json();
      say(notice, alert);
      if (form.classList.contains("composer")) form.reset();
    } catch (lost) {
      say("The sandbox did not answer");
    }
    if (button) button.classList.remove("busy");
    soon();
  });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-quiet]");
    if (!link || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    history.replaceState(null, "", link.href);
    refresh();
  });

  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && event.target.matches(".composer textarea")) {
      event.preventDefault();
      event.target.form.requestSubmit();
    }
  });

  document.addEventListener("change", (event) => {
    if (event.target.type !== "file") return;
    const count = event.target.files.length;
    event.target.closest("label").dataset.count = count || "";
  });

  document.addEventListener("reset", (event) => {
    event.target.querySelectorAll("label[data-count]").forEach((label) => { label.dataset.count = ""; });
  });

  new EventSource("/sandbox/events").onmessage = soon;
})();
