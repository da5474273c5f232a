using TorchSharp.Modules;
using static TorchSharp.torch;

namespace ZeroOneShot.Networks;

/// <summary>How the modules of a plan's items become part of a network.</summary>
internal static class PlanModules
{
    /// <summary>
    /// Registers the modules under the names of their items; those called <c>cells.N</c> as a list.
    /// </summary>
    /// <param name="network">The network.</param>
    /// <param name="plan">Its plan.</param>
    /// <param name="modules">The modules of the plan's items.</param>
    /// <param name="afterCells">Called between the cells and the head.</param>
    public static void Register(this nn.Module network, NetworkPlan plan, IReadOnlyList<nn.Module> modules, Action? afterCells = null)
    {
        const string cells = "cells";
        var parts = plan.Items.Zip(modules, (item, module) => (item.Name, Module: module)).ToArray();
        var isOfCells = ((string Name, nn.Module Module) part) => part.Name.StartsWith(cells + ".", StringComparison.Ordinal);
        foreach (var (name, module) in parts.TakeWhile(part => !isOfCells(part)))
            network.register_module(name, module);
        network.register_module(cells, new ModuleList<nn.Module>([.. parts.Where(isOfCells).Select(part => part.Module)]));
        afterCells?.Invoke();
        foreach (var (name, module) in parts.SkipWhile(part => !isOfCells(part)).Where(part => !isOfCells(part)))
            network.register_module(name, module);
    }
}
