// The little linear algebra that a recurrent network needs. A matrix is an array of rows.

const times = (A, x) => A.map(row => row.reduce((sum, a, j) => sum + a * x[j], 0)); // A x
const timesTransposed = (A, x) => A[0].map((_, j) => A.reduce((sum, row, i) => sum + row[j] * x[i], 0)); // A^T x
const zeros = like => Array.isArray(like) ? like.map(zeros) : 0;
const norm = x => Math.hypot(...x);

// Adds the outer product x y^T to A.
function addOuter(A, x, y) {
  x.forEach((xi, i) => y.forEach((yj, j) => { A[i][j] += xi * yj; }));
}

// Random numbers of the normal distribution that are the same for the same seed (Box and Muller 1958).
function normals(seed) {
  let state = seed >>> 0;
  const uniform = () => { // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
}
