// Fetches the part of a page that changes once a second while the page is visible,
// and binds a few keys. The part is a page of our own, with all data escaped.
"use strict";
(() => {
  const live = document.getElementById("live");
  const every = 1000, slower = 5000;
  let wait = every;
  const refresh = async () => {
    if (!live.dataset.part) return;
    if (!document.hidden && !live.contains(document.activeElement)) {
      try {
        const answer = await fetch(live.dataset.part, { headers: { Accept: "text/html" }, redirect: "error" });
        if (!answer.ok) throw new Error(answer.statusText);
        const part = new DOMParser().parseFromString(await answer.text(), "text/html");
        const open = [...live.querySelectorAll("details")].map((d) => d.open);
        live.replaceChildren(...part.body.childNodes);
        live.querySelectorAll("details").forEach((d, i) => { d.open = open[i] || false; });
        live.classList.remove("stale");
        wait = every;
      } catch {
        live.classList.add("stale");
        wait = slower;
      }
    }
    setTimeout(refresh, wait);
  };
  if (live) setTimeout(refresh, wait);

  const rows = () => [...document.querySelectorAll("tbody a")];
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey) return;
    if (e.key === "Escape") { document.activeElement.blur(); return; }
    if (/^(INPUT|SELECT|TEXTAREA)$/.test(e.target.tagName)) return;
    if (e.key === "/") {
      e.preventDefault();
      document.getElementById("find").focus();
    } else if (e.key === "j" || e.key === "k") {
      const all = rows(), at = all.indexOf(document.activeElement) + (e.key === "j" ? 1 : -1);
      if (all[at]) all[at].focus();
    } else if (e.key === "n") {
      location.href = "/console";
    } else if (e.key === "b") {
      location.href = "/console/jobs";
    }
  });
})();
