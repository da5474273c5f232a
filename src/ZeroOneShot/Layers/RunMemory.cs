namespace ZeroOneShot.Layers;

/// <summary>
/// How many numbers per image are in memory while a list of layers runs, its input not counted. Adds up what every layer makes, keeps for
/// the backward run and lets go of (<see cref="Layer.Walk"/>).
/// </summary>
/// <param name="Output">The output.</param>
/// <param name="Forward">The most during a run that will not go backwards.</param>
/// <param name="Recorded">The most during the forward part of a run that will.</param>
/// <param name="Held">What such a run holds from then on, until it is disposed.</param>
/// <param name="Gradients">The most of the gradients on the way back, from that of the output to that of the input.</param>
/// <param name="KeepsOutput">Whether the way back of such a run reads its output.</param>
internal readonly record struct RunMemory(FeatureSize Output, long Forward, long Recorded, long Held, long Gradients, bool KeepsOutput)
{
    /// <summary>
    /// What of <see cref="Held"/> is left once nobody else needs the output: the output too where the backward run reads it.
    /// </summary>
    public long Kept => KeepsOutput ? Held : Held - Output.Count;

    /// <summary>The most while the layers run forwards and back again, the gradient of the output included.</summary>
    public long Backward => Math.Max(Recorded, Held + Gradients);

    /// <param name="layers">The layers.</param>
    /// <param name="input">Their input.</param>
    /// <param name="channels">Channels of the output.</param>
    /// <param name="affine">Whether batch norms have a learned scale and shift.</param>
    /// <param name="weights">Whether weights get gradients.</param>
    /// <param name="needed">Whether the input gets one.</param>
    /// <param name="inLibtorch">Whether libtorch computes all of them, as on a GPU; else they run in lanes.</param>
    public static RunMemory Of(
        IReadOnlyList<Layer> layers, FeatureSize input, long channels, bool affine = false, bool weights = false, bool needed = true,
        bool inLibtorch = false)
    {
        var forward = new MemoryWalk(input, recorded: false, weights, inLibtorch);
        forward.Through(layers, channels, affine);
        var recorded = new MemoryWalk(input, recorded: true, weights, inLibtorch);
        recorded.Through(layers, channels, affine);
        return new RunMemory(forward.Features, forward.Peak, recorded.Peak, recorded.Live, recorded.Gradients(needed),
            recorded.KeepsFeatures);
    }
}

/// <summary>One run of layers, on sizes alone.</summary>
/// <param name="input">The input.</param>
/// <param name="recorded">Whether the run can go backwards.</param>
/// <param name="weights">Whether weights get gradients.</param>
/// <param name="inLibtorch">
/// Whether libtorch computes all layers, and autograd keeps what each of them makes; else they run in lanes.
/// </param>
internal sealed class MemoryWalk(FeatureSize input, bool recorded, bool weights, bool inLibtorch = false)
{
    // Of every backward step the size of the gradient it makes, null where it changes the one it gets, and what it needs meanwhile.
    private readonly List<(long? Made, long Meanwhile)> _steps = [];
    private bool _spare;                                        // whether the features at hand may be overwritten or let go of

    /// <summary>Whether the run can go backwards.</summary>
    public bool IsRecorded => recorded;

    /// <summary>Whether the features at hand must stay as they are.</summary>
    public bool KeepsFeatures => !_spare;

    /// <summary>The features at hand.</summary>
    public FeatureSize Features { get; private set; } = input;

    /// <summary>Numbers in memory.</summary>
    public long Live { get; private set; }

    /// <summary>The most so far.</summary>
    public long Peak { get; private set; }

    /// <summary>Goes through layers.</summary>
    public void Through(IReadOnlyList<Layer> layers, long channels, bool affine)
    {
        for (var i = 0; i < layers.Count; i++)
        {
            if (inLibtorch)
                InLibtorch(layers[i], channels);
            else if (layers[i].Rectifies && i + 1 < layers.Count && layers[i + 1].ReadsRectified)
                layers[++i].WalkRectified(this, channels, affine);
            else
                layers[i].Walk(this, channels, affine);
        }
    }

    /// <summary>The most of the gradients on the way back.</summary>
    /// <param name="needed">Whether the input gets one.</param>
    /// <param name="shared">Whether the gradient of the output is somebody else's, and counted there.</param>
    public long Gradients(bool needed, bool shared = false)
    {
        var gradient = shared ? 0 : Features.Count;
        var peak = gradient;
        for (var i = _steps.Count - 1; i >= 0; i--)
        {
            var made = i > 0 || needed ? _steps[i].Made : null;
            peak = Math.Max(peak, gradient + (made ?? 0) + _steps[i].Meanwhile);
            gradient = made ?? gradient;
        }
        return peak;
    }

    /// <summary>A convolution, of what is positive where asked for.</summary>
    public void Convolution(Convolution layer, long channels, bool affine, bool rectify)
    {
        var reads = weights || rectify;
        if (layer.Depthwise)
        {
            Next(layer.Output(Features, channels), reads, readsOutput: false, (Features.Count, 0));
        }
        else
        {
            var output = layer.Output(Features, channels);
            if (layer.Kernel != 1 || layer.Stride != 1)             // what every tap of the window meets becomes a channel
            {
                var neighbours = output with { Channels = Features.Channels * layer.Window.Taps };
                Next(neighbours, readsInput: false, readsOutput: false, (Features.Count, 0));
            }
            Next(output, reads, readsOutput: false, (Features.Count, 0));
        }
        if (layer.HasBias(affine))
            _steps.Add((null, 0));                                  // in place
    }

    /// <summary>A batch norm.</summary>
    public void BatchNorm(bool affine)
    {
        if (affine && recorded)
        {
            Next(Features, readsInput: true, readsOutput: false, (null, 0));
            return;
        }
        if (_spare)
            _steps.Add((null, 0));                                  // in place
        else
            Next(Features, readsInput: false, readsOutput: false, (null, 0));
        _spare = !recorded;                                         // going backwards reads the normalised features
    }

    /// <summary>A layer among others that libtorch computes: nothing is let go of that goes backwards, and nothing done in place.</summary>
    private void InLibtorch(Layer layer, long channels)
    {
        var output = layer.Output(Features, channels);
        var workspace = layer.Workspace(Features, output);
        Make(workspace);
        Next(output, readsInput: true, readsOutput: true, (Features.Count, 0));
        if (!recorded)
            LetGo(workspace);
    }

    /// <summary>
    /// A layer that computes in libtorch's order between others in lanes: its input and its output are there once more, and what it works
    /// with.
    /// </summary>
    public void InImages(Layer layer, long channels)
    {
        var output = layer.Output(Features, channels);
        var apart = Features.Count + output.Count + layer.Workspace(Features, output);
        Make(apart);
        Next(output, readsInput: false, readsOutput: false, (Features.Count, Features.Count + output.Count));
        if (!recorded)
            LetGo(apart);
    }

    /// <summary>Two lists of layers on the same input, whose outputs are added.</summary>
    public void Sum(IReadOnlyList<Layer> first, IReadOnlyList<Layer> second, long channels, bool affine)
    {
        var one = RunMemory.Of(first, Features, channels, affine, weights);
        var other = RunMemory.Of(second, Features, channels, affine, weights);
        var output = one.Output;
        var input = Features.Count;
        if (recorded)
        {
            Make(one.Recorded);
            LetGo(one.Recorded - one.Held);
            if (one.KeepsOutput)
                Make(output.Count);                                 // the sum is made apart
            Make(other.Recorded);
            LetGo(other.Recorded - other.Held + output.Count);      // the second output is added to the first
        }
        else
        {
            Make(one.Forward);
            LetGo(one.Forward - output.Count);
            Make(other.Forward);
            LetGo(other.Forward);
        }
        if (_spare && !recorded)
            LetGo(input);
        // The first list gets a copy of the gradient, the second the gradient itself, beside what the first one has made of it.
        var last = new MemoryWalk(Features, recorded, weights);
        last.Through(second, channels, affine);
        _steps.Add((input, Math.Max(one.Gradients - input, last.Gradients(needed: true, shared: true))));
        (Features, _spare) = (output, true);
    }

    /// <summary>Numbers that are let go of.</summary>
    public void LetGo(long numbers) => Live -= numbers;

    /// <summary>A layer makes its output, and its input goes unless something reads it later.</summary>
    /// <param name="output">The output.</param>
    /// <param name="readsInput">Whether going backwards reads the input.</param>
    /// <param name="readsOutput">Whether going backwards reads the output.</param>
    /// <param name="steps">
    /// Of the backward steps the size of the gradient they make, null where they change the one they get, and what they need meanwhile.
    /// </param>
    public void Next(FeatureSize output, bool readsInput, bool readsOutput, params (long? Made, long Meanwhile)[] steps)
    {
        Make(output.Count);
        if (_spare && !(recorded && readsInput))
            Live -= Features.Count;
        (Features, _spare) = (output, !(recorded && readsOutput));
        _steps.AddRange(steps);
    }

    /// <summary>Numbers that are made.</summary>
    public void Make(long numbers)
    {
        Live += numbers;
        Peak = Math.Max(Peak, Live);
    }
}
