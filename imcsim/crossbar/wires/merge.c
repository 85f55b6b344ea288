/* Nested dissection of a crossbar with its ports kept; the same algorithm as merge.py, one array at a time in cache.
 *
 * A block is the admittance matrix of its ports, ordered L (near word-line ends), R (far word-line ends), N (near
 * bit-line ends), F (far bit-line ends). Two neighbours merge by a Schur complement on the ports they share. Leaves of
 * 4x4 cells are built eight at a time, one in each vector lane; larger blocks by a blocked Cholesky factorisation of
 * [S | X] and the symmetric update -X'X. Rows are counted from the sense end.
 *
 * A block has no path to ground, so its rows sum to zero, and every pivot is taken as minus the sum of the rest of its
 * row (Grassmann, Taksar and Heyman, Operations Research 33 (1985) 1107): all other entries are sums of one sign,
 * nothing cancels, and small transfers keep their digits however good the wires are.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LEAF 4
#define LANES 8
#define UP8(n) (((n) + 7) & ~7)
typedef double v8 __attribute__((vector_size(64)));
typedef double u8 __attribute__((vector_size(64), aligned(8))); /* unaligned access */

enum { L, R, N, F };

typedef struct { int n[4]; int size, ld; double *y; } block;
typedef struct { int n[4]; int size; v8 *y; } leaf; /* upper triangle only */

typedef struct {
    int rows, cols, far_row, far_col; /* far_*: the far ends are driven / sensed, too */
    const double *g, *seg_col, *seg_row, *at_col, *at_row;
    double g_first, g_last; /* terminal conductances; <= 0: the line end is the terminal */
    double *top, *end;
    block *leaves;
} array;

/* ---------------------------------------------------------------- leaves, eight at a time */

static v8 get(const leaf *b, int i, int j) { return i < j ? b->y[i * b->size + j] : b->y[j * b->size + i]; }

static void cell(const array *a, int row, const int *col, leaf *out) {
    v8 g, seg, at, zero = {0};
    for (int k = 0; k < LANES; k++) {
        g[k] = a->g[(size_t)row * a->cols + col[k]];
        seg[k] = a->seg_col[col[k]];
        at[k] = a->at_col[col[k]];
    }
    v8 gr = g * at, gl = g - gr, wire = zero + a->seg_row[row];
    double far = a->at_row[row], near = 1 - far;
    for (int p = 0; p < 4; p++) out->n[p] = 1;
    out->size = 4;
    v8 *y = out->y;
    y[0] = gl + seg, y[1] = -seg, y[2] = -gl * near, y[3] = -gl * far;
    y[5] = gr + seg, y[6] = -gr * near, y[7] = -gr * far;
    y[10] = g * near + wire, y[11] = -wire, y[15] = g * far + wire;
}

/* Places of the ports of one side in the merged order: eliminated ones first, then the outer ports by class. */
static void places(const int *mine, const int *other, int gone, int other_gone, int after, int shared, int *at) {
    int place = shared, port = 0;
    for (int p = 0; p < 4; p++) {
        int keep = p == gone ? 0 : mine[p], rest = p == other_gone ? 0 : other[p];
        int start = place + (after ? rest : 0);
        for (int k = 0; k < mine[p]; k++) at[port++] = p == gone ? k : start + k;
        place += keep + rest;
    }
}

static void merge_leaf(const leaf *a, int pa, const leaf *b, int pb, leaf *out) {
    int s = a->n[pa], n = a->size + b->size - s, at_a[20], at_b[20];
    v8 t[20 * 20];
    memset(t, 0, sizeof(v8) * n * n);
    places(a->n, b->n, pa, pb, 0, s, at_a);
    places(b->n, a->n, pb, pa, 1, s, at_b);
    for (int i = 0; i < a->size; i++)
        for (int j = 0; j < a->size; j++)
            if (at_a[i] <= at_a[j]) t[at_a[i] * n + at_a[j]] += get(a, i, j);
    for (int i = 0; i < b->size; i++)
        for (int j = 0; j < b->size; j++)
            if (at_b[i] <= at_b[j]) t[at_b[i] * n + at_b[j]] += get(b, i, j);
    for (int p = 0; p < s; p++) {
        v8 pivot = {0};
        for (int i = p + 1; i < n; i++) pivot -= t[p * n + i];
        for (int i = p + 1; i < n; i++) {
            v8 f = t[p * n + i] / pivot;
            for (int j = i; j < n; j++) t[i * n + j] -= f * t[p * n + j];
        }
    }
    for (int p = 0; p < 4; p++) out->n[p] = (p == pa ? 0 : a->n[p]) + (p == pb ? 0 : b->n[p]);
    out->size = n - s;
    for (int i = 0; i < n - s; i++)
        for (int j = i; j < n - s; j++) out->y[i * (n - s) + j] = t[(i + s) * n + j + s];
}

static void grow(const array *a, int row, const int *col, int h, int w, leaf *out) {
    if (h * w == 1) { cell(a, row, col, out); return; }
    v8 ya[16 * 16], yb[16 * 16];
    leaf x = {.y = ya}, y = {.y = yb};
    int next[LANES], wide = w >= h && w > 1;
    for (int k = 0; k < LANES; k++) next[k] = col[k] + w / 2;
    grow(a, row, col, wide ? h : h / 2, wide ? w / 2 : w, &x);
    if (wide) grow(a, row, next, h, w / 2, &y);
    else grow(a, row + h / 2, col, h / 2, w, &y);
    merge_leaf(&x, wide ? R : F, &y, wide ? L : N, out);
}

/* ---------------------------------------------------------------- blocks */

static double *take(array *a, size_t count) {
    double *p = a->top;
    if ((size_t)(a->end - a->top) < UP8(count)) return NULL;
    a->top += UP8(count);
    return p;
}

static int make(array *a, const int *n, block *b) {
    memcpy(b->n, n, sizeof b->n);
    b->size = n[0] + n[1] + n[2] + n[3];
    b->ld = UP8(b->size);
    b->y = take(a, (size_t)b->ld * b->ld);
    return b->y != NULL;
}

/* c[0:8, 0:8*v] -= a[0:k, 0:8]' b[0:k, 0:8*v] */
#define KERNEL(NAME, V)                                                                                      \
    static void NAME(int k, const double *a, int lda, const double *b, int ldb, double *c, int ldc) {        \
        v8 acc[8][V];                                                                                        \
        for (int i = 0; i < 8; i++)                                                                          \
            for (int v = 0; v < V; v++) acc[i][v] = *(const u8 *)(c + (size_t)i * ldc + 8 * v);              \
        for (int p = 0; p < k; p++, a += lda, b += ldb)                                                      \
            for (int i = 0; i < 8; i++)                                                                      \
                for (int v = 0; v < V; v++) acc[i][v] -= a[i] * *(const u8 *)(b + 8 * v);                    \
        for (int i = 0; i < 8; i++)                                                                          \
            for (int v = 0; v < V; v++) *(u8 *)(c + (size_t)i * ldc + 8 * v) = acc[i][v];                    \
    }
KERNEL(update1, 1)
KERNEL(update2, 2)
KERNEL(update3, 3)

static void update_rows(int k, const double *a, int lda, const double *b, int ldb, double *c, int ldc, int width) {
    int j = 0;
    for (; j + 24 <= width; j += 24) update3(k, a, lda, b + j, ldb, c + j, ldc);
    if (width - j == 16) update2(k, a, lda, b + j, ldb, c + j, ldc);
    else if (width - j == 8) update1(k, a, lda, b + j, ldb, c + j, ldc);
}

/* [S | X] -> [U | U'^-1 X] with S = U'U; w has s rows of ld, s padded to 8 */
static void factor(double *w, int s, int ld) {
    for (int b = 0; b < s; b += 8) {
        update_rows(b, w + b, ld, w + b, ld, w + (size_t)b * ld + b, ld, ld - b);
        for (int i = b; i < s && i < b + 8; i++) {
            double *row = w + (size_t)i * ld;
            for (int j = b; j < i; j++) {
                const double *up = w + (size_t)j * ld;
                double f = up[i];
                for (int k = b; k < ld; k++) row[k] -= f * up[k];
            }
            double pivot = 0, f;
            for (int k = i + 1; k < ld; k++) pivot -= row[k];
            f = 1 / sqrt(pivot);
            row[i] = pivot;
            for (int k = i; k < ld; k++) row[k] *= f;
        }
    }
}

static void scatter(const block *b, int gone, const int *at, int s, double *w, int ldw, const block *out) {
    int sp = UP8(s), first = 0;
    for (int p = 0; p < gone; p++) first += b->n[p];
    for (int i = 0, len; i < b->size; i++) {
        int inner = i >= first && i < first + s;
        const double *from = b->y + (size_t)i * b->ld;
        if (!inner) {
            double *to = out->y + (size_t)(at[i] - s) * out->ld;
            for (int p = 0, j = 0; p < 4; j += b->n[p++])
                if (p != gone && b->n[p]) memcpy(to + at[j] - s, from + j, sizeof(double) * b->n[p]);
            continue;
        }
        double *to = w + (size_t)at[i] * ldw;
        for (int p = 0, j = 0; p < 4; j += len, p++) {
            len = b->n[p];
            if (p == gone) for (int k = 0; k < len; k++) to[k] += from[j + k];
            else if (len) memcpy(to + sp + at[j] - s, from + j, sizeof(double) * len);
        }
    }
}

/* Merge a and b into out (already made). last: only the transfer from word-line ends to bit-line ends is wanted. */
static int merge(array *arr, const block *a, int pa, const block *b, int pb, block *out, int last) {
    int s = a->n[pa], sp = UP8(s), m = out->ld, ld = sp + m, total = a->size + b->size;
    double *mark = arr->top, *w = take(arr, (size_t)sp * ld);
    int *at = malloc(sizeof(int) * total);
    if (!w || !at) { free(at); return 1; }
    memset(w, 0, sizeof(double) * sp * ld);
    memset(out->y, 0, sizeof(double) * m * m);
    places(a->n, b->n, pa, pb, 0, s, at);
    scatter(a, pa, at, s, w, ld, out);
    places(b->n, a->n, pb, pa, 1, s, at);
    scatter(b, pb, at, s, w, ld, out);
    free(at);
    factor(w, s, ld);
    const double *x = w + sp;
    int drives = out->n[L] + out->n[R];
    for (int i = 0; i < (last ? drives : m); i += 8) {
        int j = last && i < (drives & ~7) ? drives & ~7 : i;
        update_rows(s, x + i, ld, x + j, ld, out->y + (size_t)i * m + j, m, m - j);
    }
    if (!last)
        for (int i = 0; i < m; i += 8)
            for (int j = i + 8; j < m; j += 8)
                for (int p = 0; p < 8; p++)
                    for (int q = 0; q < 8; q++) out->y[(size_t)(j + q) * m + i + p] = out->y[(size_t)(i + p) * m + j + q];
    arr->top = mark;
    return 0;
}

/* Put a resistor in series with every port of class p (L or N). */
static int attach(array *a, block *b, int p, double g) {
    block wire, out;
    int n[4] = {0}, count = b->n[p];
    n[p] = n[p + 1] = count;
    if (!make(a, b->n, &out) || !make(a, n, &wire)) return 1;
    memset(wire.y, 0, sizeof(double) * wire.ld * wire.ld);
    for (int i = 0; i < 2 * count; i++) {
        wire.y[(size_t)i * wire.ld + i] = g;
        wire.y[(size_t)i * wire.ld + (i + count) % (2 * count)] = -g;
    }
    if (merge(a, &wire, p + 1, b, p, &out, 0)) return 1;
    *b = out;
    return 0;
}

static int unpack(array *a, const leaf *from, int lane, int row, int col, block *b) {
    int drop_r = !a->far_col && col + LEAF == a->cols, drop_f = !a->far_row && row + LEAF == a->rows;
    int n[4] = {LEAF, drop_r ? 0 : LEAF, LEAF, drop_f ? 0 : LEAF}, kept[4 * LEAF], count = 0;
    for (int i = 0; i < 4 * LEAF; i++)
        if (n[i / LEAF]) kept[count++] = i;
    if (!make(a, n, b)) return 1;
    memset(b->y, 0, sizeof(double) * b->ld * b->ld);
    for (int i = 0; i < count; i++)
        for (int j = 0; j < count; j++) b->y[i * b->ld + j] = get(from, kept[i], kept[j])[lane];
    if (col == 0 && a->g_first > 0 && attach(a, b, L, a->g_first)) return 1;
    return row == 0 && a->g_last > 0 ? attach(a, b, N, a->g_last) : 0;
}

static int all_leaves(array *a) {
    v8 y[16 * 16];
    leaf found = {.y = y};
    int col[LANES], across = a->cols / LEAF;
    for (int i = 0; i < a->rows / LEAF; i++)
        for (int j = 0; j < across; j += LANES) {
            for (int k = 0; k < LANES; k++) col[k] = (j + k < across ? j + k : across - 1) * LEAF;
            grow(a, i * LEAF, col, LEAF, LEAF, &found);
            for (int k = 0; k < LANES && j + k < across; k++)
                if (unpack(a, &found, k, i * LEAF, col[k], &a->leaves[i * across + j + k])) return 1;
        }
    return 0;
}

static int reduce(array *a, int r0, int r1, int c0, int c1, int last, block *out) {
    int h = r1 - r0, w = c1 - c0, wide = w >= h, across = a->cols / LEAF;
    if (h * w == 1) { *out = a->leaves[r0 * across + c0]; return 0; }
    int n[4] = {h * LEAF, h * LEAF, w * LEAF, w * LEAF};
    if (!a->far_col && c1 == across) n[R] = 0;
    if (!a->far_row && r1 == a->rows / LEAF) n[F] = 0;
    block x, y;
    if (!make(a, n, out)) return 1;
    double *mark = a->top;
    int rm = wide ? r1 : r0 + h / 2, cm = wide ? c0 + w / 2 : c1;
    if (reduce(a, r0, rm, c0, cm, 0, &x)) return 1;
    if (reduce(a, wide ? r0 : rm, r1, wide ? cm : c0, c1, 0, &y)) return 1;
    if (merge(a, &x, wide ? R : F, &y, wide ? L : N, out, last)) return 1;
    a->top = mark;
    return 0;
}

static int one(array *a, double *work, size_t count, double *out) {
    block b;
    a->top = work, a->end = work + count;
    if (all_leaves(a) || reduce(a, 0, a->rows / LEAF, 0, a->cols / LEAF, 1, &b)) return 1;
    int drives = b.n[L] + b.n[R];
    for (int i = 0; i < a->rows; i++)
        for (int j = 0; j < a->cols; j++) {
            double sum = 0;
            for (int p = i; p < drives; p += a->rows)
                for (int q = drives + j; q < b.size; q += a->cols) sum -= b.y[(size_t)p * b.ld + q];
            out[(size_t)i * a->cols + j] = sum;
        }
    return 0;
}

/* g, out: arrays x rows x cols (multiples of 4). Returns 0, or 1 when memory is short. */
int imcsim_reduce(int arrays, int rows, int cols, const double *g, const double *seg_col, const double *at_col,
                  const double *seg_row, const double *at_row, double g_first, double g_last, int far_col,
                  int far_row, double *out) {
    array a = {rows, cols, far_row, far_col, g, seg_col, seg_row, at_col, at_row, g_first, g_last, 0, 0, 0};
    size_t ports = 2 * (size_t)(rows + cols), cells = (size_t)rows * cols, count = 4 * ports * ports + 128 * cells + 65536;
    double *work = aligned_alloc(64, sizeof(double) * UP8(count));
    a.leaves = malloc(sizeof(block) * (cells / (LEAF * LEAF)));
    int failed = !work || !a.leaves;
    for (int k = 0; k < arrays && !failed; k++, a.g += cells, out += cells) failed = one(&a, work, count, out);
    free(work);
    free(a.leaves);
    return failed;
}
