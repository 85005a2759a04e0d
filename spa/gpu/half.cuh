// Float16 as it is stored, to and from float32.
#pragma once

__device__ inline float half_to_float(unsigned short h) {
    const unsigned sign = (unsigned)(h & 0x8000u) << 16, exponent = (h >> 10) & 31u, mantissa = h & 1023u;
    if (exponent == 0) return (sign ? -1.0f : 1.0f) * (float)mantissa * 5.9604644775390625e-08f;
    const unsigned bits = sign | (exponent == 31 ? 0x7f800000u : (exponent + 112) << 23) | (mantissa << 13);
    float out;
    memcpy(&out, &bits, 4);
    return out;
}

// The nearest float16, of two as near the even one; what is larger than it can hold is infinite.
__device__ inline unsigned short float_to_half(float value) {
    unsigned bits;
    memcpy(&bits, &value, 4);
    const unsigned sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
    if (size > 0x7f800000u) return (unsigned short)(sign | 0x7e00u);
    if (size >= 0x477ff000u) return (unsigned short)(sign | 0x7c00u);
    if (size < 0x38800000u) {  // less than the least normal one: multiples of 2^-24
        float small;
        memcpy(&small, &size, 4);
        return (unsigned short)(sign | (unsigned)(int)rintf(small * 16777216.0f));
    }
    const unsigned odd = size >> 13 & 1u;
    return (unsigned short)(sign | ((size + 0xfffu + odd - 0x38000000u) >> 13));
}
