"""The only home of PyCUDA: devices, their arrays, kernels compiled from the .cu files, FFT and matrix products."""
