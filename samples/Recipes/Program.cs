// Runs the recipes named on the command line, or all of them. Each is a file of its own, to copy from.
// Exit code: 0, or 2 when there is no such recipe.
using Recipes;

(string Name, Action Run)[] recipes =
[
    ("pipeline", PipelineInTenLines.Run),
    ("cross-validation", CrossValidation.Run),
    ("continue-training", ContinueTraining.Run),
    ("hand-picked-genotype", HandPickedGenotype.Run),
    ("ranking-function", CustomRankingFunction.Run),
];

if (args.FirstOrDefault(name => recipes.All(recipe => recipe.Name != name)) is { } unknown)
{
    Console.Error.WriteLine($"There is no recipe '{unknown}'; expected {string.Join(", ", recipes.Select(recipe => recipe.Name))}, " +
        "or no name at all to run every one.");
    return 2;
}

foreach (var (name, run) in recipes.Where(recipe => args.Length == 0 || args.Contains(recipe.Name)))
{
    Console.WriteLine($"== {name}");
    using var folder = new WorkFolder();
    run();
}
return 0;
