using CsCheck;
using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Tests.SearchSpaces;

public sealed class OperationMaskTests
{
    [Fact]
    public void A_mask_survives_its_json() => Generated.UsableMask.Sample(mask =>
    {
        var read = OperationMask.FromJson(mask.ToJson(), SearchSpace.Darts);
        Assert.Equal(mask, read);
        Assert.Equal(mask.GetHashCode(), read.GetHashCode());
    }, iter: 1000);

    [Fact]
    public void Json_that_is_no_mask_is_a_format_error_and_nothing_else() =>
        Mutated.Of(Generated.Mask.Select(mask => mask.ToJson()))
            .Sample(text => GenotypeTests.OnlyFormatError(() => OperationMask.FromJson(text, SearchSpace.Darts)), iter: 5000);

    [Fact]
    public void A_mask_of_another_space_is_refused_by_name()
    {
        var other = new SearchSpace("other", new CellTopology(4), SearchSpace.Darts.Operations);
        var error = Assert.Throws<FormatException>(() => OperationMask.FromJson(OperationMask.Full(other).ToJson(), SearchSpace.Darts));
        Assert.Contains("search space 'other'; expected 'darts'", error.Message);
    }

    [Fact]
    public void A_mask_names_the_same_key_twice_and_is_refused()
    {
        var json = OperationMask.Full(SearchSpace.Darts).ToJson().Insert(1, "\"space\": \"darts\",");
        Assert.Throws<FormatException>(() => OperationMask.FromJson(json, SearchSpace.Darts));
    }

    [Fact]
    public void A_mask_that_names_a_kind_of_cell_or_an_operation_twice_or_wrongly_is_refused()
    {
        var twice = File.ReadAllText(Path.Combine(Repository.Root, "tests", "cases", "m-dup.json"));
        Assert.Throws<FormatException>(() => OperationMask.FromJson(twice, SearchSpace.Darts));
        var json = OperationMask.Full(SearchSpace.Darts).ToJson();
        Assert.Contains("'weights'", Assert.Throws<FormatException>(
            () => OperationMask.FromJson(json.Replace("\"space\"", "\"weights\": 1, \"space\""), SearchSpace.Darts)).Message);
        Assert.Throws<FormatException>(() => OperationMask.FromJson(new string('[', 100_000), SearchSpace.Darts));
        Assert.Contains("at most 4194304", Assert.Throws<FormatException>(
            () => OperationMask.FromJson(new string(' ', 1 << 23), SearchSpace.Darts)).Message);
    }
}
