// Mouse, pen and finger on a drawing: hovering reads, dragging a mouse selects what to zoom to.
// A finger that moves sideways reads; up and down it scrolls the page as ever.

class Pointer {
  constructor(figure, drawing) {
    Object.assign(this, { figure, drawing, start: null });
    const { svg } = drawing;
    svg.addEventListener("pointermove", event => this.move(event));
    svg.addEventListener("pointerdown", event => this.down(event));
    svg.addEventListener("pointerup", event => this.up(event));
    svg.addEventListener("pointercancel", () => { this.start = null; });
    svg.addEventListener("pointerleave", event => {
      if (event.pointerType === "mouse" && !this.start) figure.leave();
    });
    svg.addEventListener("dblclick", () => figure.reset());
  }
  // Where an event is in the units of the drawing.
  place(event) {
    const at = new DOMPoint(event.clientX, event.clientY);
    return at.matrixTransform(this.drawing.svg.getScreenCTM().inverse());
  }
  move(event) {
    const { x, y } = this.place(event), { panels, marks } = this.drawing;
    const which = this.start ? this.figure.which : panels.findIndex(panel => panel.holds(x, y));
    if (which < 0) return this.figure.leave();
    this.figure.which = which;
    this.figure.go(panels[which].nearest(x, y));
    if (!this.start) return;
    const { top, bottom } = panels[which].box, [from, to] = [this.start.x, x].sort((a, b) => a - b);
    draw(marks, "rect", { x: from, y: top, width: to - from, height: bottom - top, fill: "currentColor", opacity: 0.12 });
  }
  down(event) {
    this.move(event);
    if (event.pointerType === "touch" || event.button !== 0) return;
    const at = this.place(event);
    if (this.drawing.panels.some(panel => panel.holds(at.x, at.y))) this.start = at;
    this.drawing.svg.setPointerCapture(event.pointerId);
  }
  up(event) {
    const start = this.start, { x } = this.place(event);
    this.start = null;
    if (!start) return;
    const scale = this.figure.panel.x;
    if (Math.abs(x - start.x) > 6) this.figure.select(scale.value(start.x), scale.value(x));
    else this.figure.mark();
  }
}
