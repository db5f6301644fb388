// One pair of axes: its box in the drawing, its points, and the part of them that is shown.

const SVG = "http://www.w3.org/2000/svg";

function draw(parent, tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.textContent = text;
  parent.append(element);
  return element;
}

class Panel {
  constructor(group, data, narrow) {
    Object.assign(this, { group, data, narrow });
    const clipped = [...group.querySelectorAll("[clip-path]")];
    const clip = clipped[0].getAttribute("clip-path").slice(5, -1);
    const box = document.getElementById(clip).firstElementChild;
    const [x, y, width, height] = ["x", "y", "width", "height"].map(n => Number(box.getAttribute(n)));
    this.box = { left: x, right: x + width, top: y, bottom: y + height };
    this.x = new Scale(data.x, x, x + width);
    this.y = new Scale(data.y, y + height, y);
    this.shapes = clipped.flatMap(e => e.tagName === "g" ? [...e.querySelectorAll("use")] : [e])
      .map(element => ({ element, ...read(element) }));
    this.points = data.curves.flatMap((curve, c) =>
      data.xs[curve.x].map((x, i) => ({ c, i, x, y: curve.y[i], top: curve.top?.[i] ?? null })))
      .filter(point => point.y !== null && point.x !== null);
    this.stops = data.ordered ? [...new Set(this.points.map(p => p.x))].sort((a, b) => a - b) : this.points;
  }

  holds(x, y) {
    const { left, right, top, bottom } = this.box;
    return x >= left - 8 && x <= right + 8 && y >= top - 8 && y <= bottom + 8;
  }
  // The stop that is nearest to a pixel: an x, or a point where x is in no order.
  nearest(px, py) {
    const away = this.data.ordered
      ? x => Math.abs(this.x.pixel(x) - px)
      : p => Math.hypot(this.x.pixel(p.x) - px, this.y.pixel(p.y) - py);
    let best = 0, least = Infinity;
    this.stops.forEach((stop, i) => { if (away(stop) < least) [best, least] = [i, away(stop)]; });
    return best;
  }
  // The points at a stop.
  at(stop) {
    return this.data.ordered ? this.points.filter(p => p.x === this.stops[stop]) : [this.stops[stop]];
  }
  // What stands at a stop, in words.
  read(stop) {
    const points = this.at(stop), x = this.x.text(points[0].x);
    const values = points.map(p => {
      const name = this.data.curves[p.c].name;
      const value = p.top === null ? this.y.text(p.y) : `${this.y.text(p.y)} to ${this.y.text(p.top)}`;
      return this.data.ordered ? `${name} ${value}` : `${name}, ${this.data.y.label} ${value}`;
    });
    return [`${this.data.x.label} ${x}`, ...values].join("; ");
  }

  zoom(factor, value) { this.x.zoom(factor, value); this.fit(); }
  select(from, to) {
    this.x.show(...[from, to].map(p => this.x.warp(this.x.value(p))).sort((a, b) => a - b));
    this.fit();
  }
  reset() {
    for (const scale of [this.x, this.y]) scale.span = [...scale.whole];
    this.update();
  }
  // The vertical axis follows what is shown of the points.
  fit() {
    this.y.span = [...this.y.whole];
    const [low, high] = this.x.span;
    const shown = this.points.filter(p => this.x.warp(p.x) >= low && this.x.warp(p.x) <= high);
    const ys = shown.flatMap(p => p.top === null ? [p.y] : [p.y, p.top]).map(v => this.y.warp(v)).filter(isFinite);
    if (this.x.zoomed && ys.length) {
      const least = Math.min(...ys), most = Math.max(...ys), room = 0.05 * (most - least);
      this.y.show(least - room, most + room);
    }
    this.update();
  }
  // Move every shape to where it belongs now; with axes of our own if that is elsewhere.
  update() {
    const zoomed = this.x.zoomed || this.y.zoomed;
    for (const shape of this.shapes) shape.move((x, y) => zoomed ? [this.x.moved(x), this.y.moved(y)] : [x, y]);
    this.own?.remove();
    const drawn = this.group.querySelectorAll(".xtick, .ytick, .axis > g:not([class]) > text[text-anchor=end]");
    for (const tick of drawn) {
      if (zoomed) tick.setAttribute("visibility", "hidden");
      else tick.removeAttribute("visibility");
    }
    if (zoomed) this.axes();
  }
  axes() {
    this.own = draw(this.group, "g", { class: "own", fill: "currentColor", "font-size": "12px" });
    const { left, right, top, bottom } = this.box;
    const [x, y] = [".xtick", ".ytick"].map(kind => this.group.querySelector(`${kind} text`));
    const mark = line => draw(this.own, "path", { d: line, stroke: "#767676", "stroke-width": 0.8 });
    for (const [value, text] of ticks(this.x, this.narrow || right - left < 360 ? 3 : 6)) {
      const at = this.x.pixel(value);
      mark(`M ${at} ${bottom} v 3.5`);
      if (x) draw(this.own, "text", { x: at, y: x.getAttribute("y"), "text-anchor": "middle" }, text);
    }
    for (const [value, text] of ticks(this.y, 5)) {
      const at = this.y.pixel(value);
      mark(`M ${left} ${at} h -3.5`);
      if (y) draw(this.own, "text", { x: y.getAttribute("x"), y: at + 4.5, "text-anchor": "end" }, text);
    }
  }
}

// How a shape moves: a path by all its coordinates, a mark by its position. A band is a path
// that is used once, from below the drawing.
function read(element) {
  const x = Number(element.getAttribute("x")), y = Number(element.getAttribute("y"));
  if (element.tagName === "path") return path(element, 0);
  if (x === 0 && y === element.ownerSVGElement.viewBox.baseVal.height) {
    return path(document.getElementById(element.getAttribute("xlink:href").slice(1)), y);
  }
  return { move: place => place(x, y).forEach((v, i) => element.setAttribute("xy"[i], v)) };
}

function path(element, below) {
  const d = element.getAttribute("d"), pair = /(-?[\d.]+) (-?[\d.]+)/g;
  const moved = ([x, y]) => `${+x.toFixed(2)} ${+(y - below).toFixed(2)}`;
  return { move: place => element.setAttribute("d", d.replace(pair, (_, x, y) => moved(place(+x, +y + below)))) };
}
