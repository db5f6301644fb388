// All figures of the page; a print has them whole.

const figures = [...document.querySelectorAll("figure")].filter(one => one.querySelector("script")).map(one => new Figure(one));
addEventListener("beforeprint", () => figures.forEach(figure => figure.reset()));
