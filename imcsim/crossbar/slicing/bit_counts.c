/* Column sums by counting bits: the AND of an input bit and a cell bit is their product, so 32 rows are one word.
 *
 * A sum is made, converted, weighted and added up without leaving the registers. One vector lane is one column; columns
 * come in blocks of 16 whatever the machine's vectors hold, so that packed cells mean the same on every machine.
 * Rows of a group are filled up to whole words with zeros, bits above the highest of a byte are zeros.
 */
#include <stdint.h>
#include <string.h>

#if defined(__AVX512VPOPCNTDQ__)
#include <immintrin.h>
#define LANES 16
#elif defined(__AVX2__)
#define LANES 8
#else
#define LANES 4
#endif
#define BLOCK 16
#define PARTS (BLOCK / LANES)
#define ROWS_IN_A_WORD 32
#define BITS_IN_A_CODE 8
#define CHUNK 64 /* vectors whose packed bits stay in a core's second cache */
#define ALWAYS_INLINE static inline __attribute__((always_inline))

const int64_t imcsim_chunk = CHUNK;

typedef uint32_t lanes __attribute__((vector_size(4 * LANES)));
typedef uint32_t stored_lanes __attribute__((vector_size(4 * LANES), aligned(4))); /* anywhere in memory */
typedef int32_t signed_lanes __attribute__((vector_size(4 * LANES)));

typedef struct {
    int32_t planes, dac_bits, slices, cell_bits, groups, words;
    const int32_t *starts, *lengths; /* (groups): rows of each group */
    uint32_t half, factor, shift;    /* code = (sum + half) * factor >> shift, exact up to the largest sum */
    uint32_t even_step;              /* the step where ties go to the even code, else 0 */
    int32_t top;                     /* largest code */
    const int32_t *place;            /* (slices, planes): signed value of one code */
    const int32_t *plane_place;      /* (planes): signed value of one input bit */
    int32_t zero;                    /* what the cells hold for a weight of 0; taken off at the end */
} product;

/* ---------------------------------------------------------------- packing */

/* Codes (arrays, fan_in, outputs) to words (blocks, groups, arrays, bits, words, BLOCK). */
void imcsim_pack_cells(const product *p, const uint8_t *codes, int64_t arrays, int64_t fan_in, int64_t outputs,
                       uint32_t *out) {
    const int bits = p->slices * p->cell_bits / arrays;
    for (int64_t first = 0; first < outputs; first += BLOCK) {
        const size_t width = outputs - first < BLOCK ? outputs - first : BLOCK;
        for (int g = 0; g < p->groups; g++)
            for (int64_t a = 0; a < arrays; a++, out += bits * p->words * BLOCK)
                for (int r = 0; r < p->lengths[g]; r++) {
                    uint8_t row[BLOCK] = {0};
                    memcpy(row, codes + (a * fan_in + p->starts[g] + r) * outputs + first, width);
                    uint32_t *word = out + r / ROWS_IN_A_WORD * BLOCK;
                    for (int i = 0; i < bits && i < BITS_IN_A_CODE; i++, word += p->words * BLOCK)
                        for (int j = 0; j < BLOCK; j++) word[j] |= (row[j] >> i & 1u) << r % ROWS_IN_A_WORD;
                }
    }
}

/* One vector of codes to words (groups, planes, bits, words). */
static void pack_inputs(const product *p, const uint8_t *codes, uint32_t *out) {
    const int bits = p->planes * p->dac_bits;
    memset(out, 0, sizeof(uint32_t) * p->groups * bits * p->words);
    for (int g = 0; g < p->groups; g++, out += bits * p->words)
        for (int r = 0; r < p->lengths[g]; r += 8) {
            uint64_t eight = 0;
            memcpy(&eight, codes + p->starts[g] + r, p->lengths[g] - r < 8 ? p->lengths[g] - r : 8);
            uint8_t *byte = (uint8_t *)out + r / 8;
            /* The product brings bit 0 of byte i to bit 56 + i, and no two of them to one place. */
            for (int i = 0; i < bits && i < BITS_IN_A_CODE; i++, byte += p->words * sizeof(uint32_t))
                *byte = (eight >> i & 0x0101010101010101u) * 0x0102040810204080u >> 56;
        }
}

/* The sum of one packed vector's codes. */
static int64_t input_sum(const product *p, const uint32_t *x) {
    int64_t sum = 0;
    for (int g = 0; g < p->groups; g++)
        for (int t = 0; t < p->planes; t++)
            for (int i = 0; i < p->dac_bits; i++) {
                int count = 0;
                for (int k = 0; k < p->words; k++) count += __builtin_popcount(*x++);
                sum += (int64_t)count * p->plane_place[t] * (1 << i);
            }
    return sum;
}

/* ---------------------------------------------------------------- products */

ALWAYS_INLINE lanes ones(lanes a) {
#if defined(__AVX512VPOPCNTDQ__)
    return (lanes)_mm512_popcnt_epi32((__m512i)a);
#else
    a -= a >> 1 & 0x55555555u;
    a = (a & 0x33333333u) + (a >> 2 & 0x33333333u);
    return ((a + (a >> 4)) & 0x0f0f0f0fu) * 0x01010101u >> 24;
#endif
}

ALWAYS_INLINE lanes column_sums(const uint32_t *x, const stored_lanes *cells, int dac_bits, int cell_bits,
                                int words) {
    lanes sums = {0};
    for (int i = 0; i < dac_bits; i++)
        for (int j = 0; j < cell_bits; j++) {
            lanes both = {0};
            for (int k = 0; k < words; k++) both += ones(cells[(j * words + k) * PARTS] & x[i * words + k]);
            sums += both << (uint32_t)(i + j);
        }
    return sums;
}

ALWAYS_INLINE lanes converted(const product *p, lanes sums) {
    sums += p->half;
    lanes codes = sums * p->factor >> p->shift;
    if (p->even_step) {
        lanes rest = sums - codes * p->even_step;
        codes -= codes & 1 & ~((rest | -rest) >> 31); /* no rest: a tie */
    }
    signed_lanes above = (signed_lanes)codes - p->top;
    return (lanes)((above & (above >> 31)) + p->top); /* the smaller of code and top */
}

ALWAYS_INLINE void group_sum(const product *p, const uint32_t *x, const stored_lanes *cells, int dac_bits,
                             int cell_bits, int words, int64_t *total) {
    lanes sum = {0};
    for (int s = 0; s < p->slices; s++)
        for (int t = 0; t < p->planes; t++) {
            const stored_lanes *slice = cells + s * cell_bits * words * PARTS;
            lanes codes = converted(p, column_sums(x + t * dac_bits * words, slice, dac_bits, cell_bits, words));
            sum += codes * (uint32_t)p->place[s * p->planes + t];
        }
    for (int j = 0; j < LANES; j++) total[j] += (int32_t)sum[j];
}

/* x: packed, one vector after the other; out: (vectors, outputs). The last three are those of p. */
ALWAYS_INLINE void multiply(const product *p, const uint32_t *x, const uint32_t *cells, int64_t vectors,
                            int64_t outputs, int64_t *out, int dac_bits, int cell_bits, int words) {
    const size_t x_size = (size_t)p->planes * dac_bits * words, size = (size_t)p->slices * cell_bits * words * BLOCK;
    int64_t offset[CHUNK] = {0};
    for (int64_t m = 0; m < vectors && p->zero; m++) offset[m] = -p->zero * input_sum(p, x + m * p->groups * x_size);
    for (int64_t first = 0; first < outputs; first += LANES) {
        const uint32_t *block = cells + first / BLOCK * p->groups * size + first % BLOCK;
        const int64_t width = outputs - first < LANES ? outputs - first : LANES;
        for (int64_t m = 0; m < vectors; m++) {
            int64_t total[LANES];
            for (int j = 0; j < LANES; j++) total[j] = offset[m];
            for (int g = 0; g < p->groups; g++)
                group_sum(p, x + (m * p->groups + g) * x_size, (const stored_lanes *)(block + g * size), dac_bits,
                          cell_bits, words, total);
            memcpy(out + m * outputs + first, total, width * sizeof(int64_t));
        }
    }
}

/* Codes (vectors, fan_in) times packed cells; scratch holds CHUNK packed vectors. */
void imcsim_sliced_product(const product *p, const uint8_t *codes, const uint32_t *cells, int64_t vectors,
                           int64_t fan_in, int64_t outputs, int64_t *out, uint32_t *scratch) {
    const size_t size = (size_t)p->groups * p->planes * p->dac_bits * p->words;
    const int usual = p->dac_bits == 1 && p->words == 4; /* sizes that the compiler should know: a quarter faster */
    for (int64_t first = 0; first < vectors; first += CHUNK, codes += CHUNK * fan_in, out += CHUNK * outputs) {
        const int64_t n = vectors - first < CHUNK ? vectors - first : CHUNK;
        for (int64_t m = 0; m < n; m++) pack_inputs(p, codes + m * fan_in, scratch + m * size);
        if (usual && p->cell_bits == 1)
            multiply(p, scratch, cells, n, outputs, out, 1, 1, 4);
        else if (usual && p->cell_bits == 2)
            multiply(p, scratch, cells, n, outputs, out, 1, 2, 4);
        else
            multiply(p, scratch, cells, n, outputs, out, p->dac_bits, p->cell_bits, p->words);
    }
}
