// Drawing: axes and curves on a canvas, in the colours of the page.

const COLOURS = ["#0072b2", "#d55e00", "#009e73", "#aa4499", "#8a6d00", "#56708a"];

class Plot {
  constructor(canvas, x, y, { equal = false } = {}) {
    Object.assign(this, { canvas, x, y, equal, pen: canvas.getContext("2d") });
  }
  // Start anew, with lines at some values of both axes.
  begin(xLines, yLines) {
    const { canvas, pen } = this, ratio = devicePixelRatio || 1;
    this.width = canvas.clientWidth;
    this.height = canvas.clientHeight;
    canvas.width = Math.round(ratio * this.width);
    canvas.height = Math.round(ratio * this.height);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    const style = getComputedStyle(canvas);
    this.ink = style.color;
    pen.font = "12px system-ui, sans-serif";
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const [value, text] of yLines) {
      this.line([[this.x[0], value], [this.x[1], value]], this.ink, 0.3);
      pen.fillStyle = this.ink;
      pen.fillText(text, 38, this.place(this.x[0], value)[1]);
    }
    pen.textAlign = "center";
    for (const [value, text] of xLines) pen.fillText(text, this.place(value, this.y[0])[0], this.height - 8);
  }
  place(x, y) {
    let left = 44, right = this.width - 8, top = 8, bottom = this.height - 20;
    if (this.equal) {
      const size = Math.min(right - left, bottom - top), middle = (left + right) / 2;
      [left, right, bottom] = [middle - size / 2, middle + size / 2, top + size];
    }
    const across = (x - this.x[0]) / (this.x[1] - this.x[0]), up = (y - this.y[0]) / (this.y[1] - this.y[0]);
    return [left + across * (right - left), bottom - up * (bottom - top)];
  }
  line(points, colour, width = 1.6, dashes = []) {
    const { pen } = this;
    pen.beginPath();
    points.forEach(([x, y], i) => pen[i ? "lineTo" : "moveTo"](...this.place(x, y)));
    Object.assign(pen, { strokeStyle: colour, lineWidth: width });
    pen.setLineDash(dashes);
    pen.stroke();
    pen.setLineDash([]);
  }
  dot(x, y, colour) {
    this.pen.beginPath();
    this.pen.arc(...this.place(x, y), 5, 0, 2 * Math.PI);
    this.pen.fillStyle = colour;
    this.pen.fill();
  }
}
