// The eigenvalues of a small matrix: the zeros of its characteristic polynomial.

// The coefficients of det(z - A) = z^n + c[1] z^(n-1) + ... + c[n] (Faddeev and LeVerrier).
function characteristic(A) {
  const n = A.length, c = [1];
  let M = A.map(row => row.map(() => 0));
  for (let k = 1; k <= n; k++) {
    M = A.map((row, i) => row.map((_, j) =>
      row.reduce((sum, a, l) => sum + a * M[l][j], 0) + (i === j ? c[k - 1] : 0)));
    const trace = A.reduce((sum, row, i) => sum + row.reduce((s, a, l) => s + a * M[l][i], 0), 0);
    c.push(-trace / k);
  }
  return c;
}

// All zeros of a polynomial at once: each is driven away from the others (Weierstrass, Durand and
// Kerner). Complex numbers are pairs [real, imaginary].
function zerosOf(c) {
  const n = c.length - 1, scale = Math.max(...c.slice(1).map((v, i) => Math.abs(v) ** (1 / (i + 1))));
  if (scale === 0) return c.slice(1).map(() => [0, 0]);
  const product = ([a, b], [x, y]) => [a * x - b * y, a * y + b * x];
  const quotient = ([a, b], [x, y]) => {
    const size = x * x + y * y;
    return [(a * x + b * y) / size, (b * x - a * y) / size];
  };
  let z = c.slice(1).map((_, i) => [scale * Math.cos(2.3 * i + 0.4), scale * Math.sin(2.3 * i + 0.4)]);
  for (let round = 0; round < 500; round++) {
    let change = 0;
    z.forEach((here, i) => {
      let value = [1, 0], away = [1, 0];
      for (let k = 1; k <= n; k++) { value = product(value, here); value[0] += c[k]; } // Horner
      z.forEach(([x, y], j) => { if (j !== i) away = product(away, [here[0] - x, here[1] - y]); });
      const step = quotient(value, away);
      z[i] = [here[0] - step[0], here[1] - step[1]];
      change = Math.max(change, Math.hypot(...step));
    });
    if (change < 1e-14 * scale) break;
  }
  return z;
}

const eigenvalues = A => zerosOf(characteristic(A));
const radius = A => Math.max(...eigenvalues(A).map(z => Math.hypot(...z))); // the spectral radius
