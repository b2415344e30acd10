// What HTML wants said to a screen reader, and widgets leave out. The page works without it.
(() => {
  const set = (element, name, value) => {
    if (element && element.getAttribute(name) !== value) element.setAttribute(name, value);
  };
  const drop = (element, name) => element && element.hasAttribute(name) && element.removeAttribute(name);

  function describe() {
    const titled = document.querySelector("[data-page-title]");
    if (titled) {
      set(document.documentElement, "lang", titled.getAttribute("lang"));
      document.title = titled.dataset.pageTitle;
    }
    set(document.getElementById("rendered_cells"), "role", "main");
    for (const place of document.querySelectorAll(".kcq-status, .kcq-saved, .kcq-problem")) set(place, "aria-live", "polite");
    for (const main of document.querySelectorAll(".kcq-main")) {
      set(main, "id", "kcq-main");
      set(main, "tabindex", "-1");
    }
    for (const group of document.querySelectorAll(".kcq-views .widget-radio-box")) {
      set(group, "role", "radiogroup");
      set(group, "aria-label", titled ? titled.dataset.views : "");
    }
    document.querySelectorAll(".kcq-field").forEach((field, place) => {
      const control = field.querySelector("select, input:not([type=file]), button");
      const problem = field.querySelector(".kcq-problem");
      if (!control || !problem) return;
      set(problem, "id", `kcq-problem-${place}`);
      if (problem.textContent.trim()) {
        set(control, "aria-invalid", "true");
        set(control, "aria-describedby", problem.id);
      } else {
        drop(control, "aria-invalid");
        drop(control, "aria-describedby");
      }
    });
    for (const more of document.querySelectorAll(".kcq-more-settings")) set(more, "aria-expanded", String(more.classList.contains("mod-active")));
  }

  let waiting = false;
  new MutationObserver(() => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      describe();
    });
  }).observe(document.body, { childList: true, subtree: true, characterData: true, attributes: true, attributeFilter: ["class", "data-page-title"] });
  describe();

  // A file that is too large is refused here; sent, it would break the connection.
  const refuse = (event) => {
    const input = event.target;
    if (!(input instanceof HTMLInputElement) || input.type !== "file" || !input.files.length) return;
    const note = document.querySelector("[data-largest]");
    const place = document.querySelector(".kcq-field-register .kcq-problem .widget-html-content");
    if (!note || !place) return;
    place.textContent = "";
    if (input.files[0].size <= Number(note.dataset.largest)) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    input.value = "";
    const list = document.createElement("ul");
    list.appendChild(document.createElement("li")).textContent = note.dataset.tooLarge;
    place.appendChild(list);
  };
  // The widget makes its own input, which need not stand in the page: it is caught where it is opened.
  const click = HTMLInputElement.prototype.click;
  HTMLInputElement.prototype.click = function () {
    if (this.type === "file" && !this.dataset.kcq) {
      this.dataset.kcq = "1";
      this.addEventListener("change", refuse, true);
    }
    return click.call(this);
  };
  document.addEventListener("change", refuse, true);
})();
