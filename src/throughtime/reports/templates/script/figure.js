// A figure that can be read: a cursor over its points, a zoom, and its numbers as CSV.

const KEYS = "Left and right arrow keys move along the points, up and down between panels, plus and minus zoom, Escape resets.";

class Figure {
  constructor(element) {
    this.element = element;
    const data = JSON.parse(element.querySelector("script").textContent);
    this.drawings = [...element.querySelectorAll(".figure")].map(box => this.prepare(box, data));
    this.tools(data);
    this.stop = null;
  }

  prepare(box, data) {
    const svg = box.querySelector("svg"), groups = [...svg.querySelectorAll(".axes")];
    const drawing = { box, svg, panels: data.map(one => new Panel(groups[one.index], one, box.matches(".narrow"))) };
    drawing.marks = draw(svg, "g", { class: "cursor", "aria-hidden": "true" });
    const title = svg.querySelector("title").textContent;
    const attributes = { tabindex: 0, role: "application", "aria-label": `${title}. ${KEYS}`,
                         "aria-describedby": svg.querySelector("desc").id };
    for (const [name, value] of Object.entries(attributes)) box.setAttribute(name, value);
    svg.querySelector("title").remove(); // a browser would show it as a tip, over the points
    svg.setAttribute("aria-label", title);
    svg.removeAttribute("aria-labelledby");
    box.addEventListener("keydown", event => this.key(event));
    box.addEventListener("focus", () => { if (box.matches(":focus-visible")) this.go(this.stop ?? 0, true); });
    new Pointer(this, drawing);
    return drawing;
  }
  // The drawing that is visible: the wide or the narrow one.
  get drawing() { return this.drawings.find(one => one.box.offsetParent !== null) ?? this.drawings[0]; }
  get panel() { return this.drawing.panels[this.which]; }
  which = 0;

  tools(data) {
    const tools = document.createElement("div"), buttons = document.createElement("span");
    tools.className = "tools";
    this.readout = document.createElement("output");
    for (const [text, name, act] of [
      ["+", "Zoom in", () => this.zoom(0.5)], ["−", "Zoom out", () => this.zoom(2)],
      ["Reset", "Show the whole figure", () => this.reset()], ["CSV", csvName(data), () => this.save()],
    ]) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.title = name;
      button.setAttribute("aria-label", name);
      button.addEventListener("click", act);
      buttons.append(button);
    }
    tools.append(this.readout, buttons);
    this.drawings.at(-1).box.after(tools);
  }

  // Move the cursor; only a reader at the keyboard hears of it.
  go(stop, spoken = false) {
    this.stop = Math.max(0, Math.min(stop, this.panel.stops.length - 1));
    this.readout.setAttribute("aria-live", spoken ? "polite" : "off");
    this.readout.textContent = this.panel.read(this.stop);
    this.mark();
  }
  // The line and the rings of the cursor, on both drawings.
  mark() {
    for (const { panels, marks } of this.drawings) {
      marks.replaceChildren();
      if (this.stop === null) continue;
      const panel = panels[this.which], { left, right, top, bottom } = panel.box;
      const points = panel.at(this.stop), x = panel.x.pixel(points[0].x);
      if (x < left - 1 || x > right + 1) continue;
      draw(marks, "path", { d: `M ${x} ${top} V ${bottom}`, stroke: "currentColor", "stroke-width": 0.8, "stroke-dasharray": "3 3" });
      for (const point of points) {
        for (const value of point.top === null ? [point.y] : [point.y, point.top]) {
          const y = panel.y.pixel(value);
          if (y >= top - 1 && y <= bottom + 1) draw(marks, "circle", { cx: x, cy: y, r: 4, fill: "none", stroke: "currentColor", "stroke-width": 1.4 });
        }
      }
    }
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const far = event.shiftKey ? 10 : 1, last = this.panel.stops.length - 1, now = this.stop ?? 0;
    const act = {
      ArrowLeft: () => this.walk(now - far), ArrowRight: () => this.walk(now + far),
      Home: () => this.walk(0), End: () => this.walk(last),
      ArrowUp: () => this.turn(-1), ArrowDown: () => this.turn(1),
      "+": () => this.zoom(0.5), "=": () => this.zoom(0.5), "-": () => this.zoom(2),
      Escape: () => this.reset(),
    }[event.key];
    if (!act || (this.drawing.panels.length === 1 && /Up|Down/.test(event.key))) return;
    event.preventDefault();
    act();
  }
  // To a stop, and the part that is shown with it.
  walk(stop) {
    this.go(stop, true);
    const { x } = this.panel, at = x.warp(this.panel.at(this.stop)[0].x), [low, high] = x.span;
    const away = at < low ? at - low : at > high ? at - high : 0;
    if (away) for (const { panels } of this.drawings) {
      panels[this.which].x.show(low + away, high + away);
      panels[this.which].fit();
    }
    this.mark();
  }
  turn(by) {
    const count = this.drawing.panels.length;
    this.which = (this.which + by + count) % count;
    this.go(0, true);
  }

  zoom(factor) {
    const { x } = this.panel, shown = this.stop !== null && this.panel.at(this.stop)[0].x;
    const inside = shown !== false && x.warp(shown) >= x.span[0] && x.warp(shown) <= x.span[1];
    const about = inside ? shown : x.value((x.first + x.last) / 2);
    for (const { panels } of this.drawings) panels[this.which].zoom(factor, about);
    this.mark();
  }
  select(from, to) { // values
    for (const { panels } of this.drawings) {
      const panel = panels[this.which];
      panel.select(panel.x.pixel(from), panel.x.pixel(to));
    }
    this.mark();
  }
  reset() {
    for (const { panels } of this.drawings) panels.forEach(panel => panel.reset());
    this.leave();
  }
  leave() {
    this.stop = null;
    this.readout.textContent = "";
    this.mark();
  }

  // Each panel as a file of its own, named after the figure.
  save() {
    const { svg, panels } = this.drawing;
    const name = svg.getAttribute("aria-label").toLowerCase().replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "");
    panels.forEach((panel, i) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([toCsv(panel)], { type: "text/csv" }));
      link.download = `${name}${panels.length > 1 ? `-${i + 1}` : ""}.csv`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }
}

function csvName(data) {
  const every = Math.max(...data.map(panel => panel.every));
  return every > 1 ? `Save the numbers as CSV, one point in ${every}` : "Save the numbers as CSV";
}
