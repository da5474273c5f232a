using Xunit;

// libtorch takes all processors itself. Also, TorchSharp frees the native form of a number in a finalizer while a call may still read it
// (see TensorArithmetic), which a garbage collection caused by another test would bring about.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
