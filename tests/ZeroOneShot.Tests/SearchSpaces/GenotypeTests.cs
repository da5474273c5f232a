using CsCheck;
using Xunit;
using ZeroOneShot.SearchSpaces;

namespace ZeroOneShot.Tests.SearchSpaces;

public sealed class GenotypeTests
{
    [Fact]
    public void A_genotype_survives_its_text_and_its_json() => Generated.AnyGenotype.Sample(genotype =>
    {
        Assert.Equal(genotype, Genotype.Parse(genotype.ToString()));
        Assert.Equal(genotype, Genotype.FromJson(genotype.ToJson()));
    }, iter: 2000);

    [Fact]
    public void White_space_line_breaks_and_double_quotes_do_not_matter() => Generated.AnyGenotype.Sample(genotype =>
        Assert.Equal(genotype, Genotype.Parse(genotype.ToString().Replace('\'', '"').Replace(", ", " ,\n  "))), iter: 1000);

    [Fact]
    public void Text_that_is_no_genotype_is_a_format_error_and_nothing_else() =>
        Mutated.Of(Generated.AnyGenotype.Select(genotype => genotype.ToString()))
            .Sample(text => OnlyFormatError(() => Genotype.Parse(text)), iter: 5000);

    [Fact]
    public void Json_that_is_no_genotype_is_a_format_error_and_nothing_else() =>
        Mutated.Of(Generated.AnyGenotype.Select(genotype => genotype.ToJson()))
            .Sample(text => OnlyFormatError(() => Genotype.FromJson(text)), iter: 5000);

    [Theory]
    [InlineData("normal_concat=[2, 99999999999]", "'99999999999' in the genotype is not the number of a state")]
    [InlineData("normal_concat=[2, 2147483647]", "2147483647")]
    [InlineData("normal_concat=range(2, 2147483647)", "The cell's output concatenates")]
    [InlineData("normal_concat=range(2147483646, 2147483647)", "The cell's output concatenates")]
    [InlineData("normal_concat=range(99999999999, 3)", "'99999999999' in the genotype is not the number of a state")]
    public void Numbers_too_large_for_a_state_are_named(string concat, string message)
    {
        var text = PublishedGenotypes.DartsV1.ToString().Replace("normal_concat=range(2, 6)", concat);
        Assert.Contains(message, Assert.Throws<FormatException>(() => Genotype.Parse(text)).Message);
    }

    [Fact]
    public void A_text_of_megabytes_is_refused_at_once_and_shortened_in_the_message()
    {
        foreach (var piece in (string[])[",normal=[", "('", "normal ", " ", "normal_concat=[2,", "range("])
        {
            var text = "Genotype(" + string.Concat(Enumerable.Repeat(piece, 11_800_000 / piece.Length));
            var error = Assert.Throws<FormatException>(() => Genotype.Parse(text));
            Assert.Contains("expected a genotype of at most 65536", error.Message);
            Assert.InRange(error.Message.Length, 1, 500);
            Assert.Throws<FormatException>(() => Genotype.Parse(text[..65_536]));
            Assert.Throws<FormatException>(() => Genotype.FromJson(text));
        }
    }

    [Fact]
    public void A_misspelt_or_doubled_name_in_json_is_refused_and_not_passed_over()
    {
        var json = PublishedGenotypes.DartsV1.ToJson();
        Assert.Contains("'reduce_concax'", Assert.Throws<FormatException>(
            () => Genotype.FromJson(json.Replace("reduce_concat", "reduce_concax"))).Message);
        Assert.Throws<FormatException>(() => Genotype.FromJson(json.Replace("reduce_concat", "normal_concat")));
    }

    [Fact]
    public void The_published_genotypes_use_the_operations_of_darts() =>
        Assert.All(PublishedGenotypes.ByName.Values, genotype => genotype.ThrowIfNotIn(SearchSpace.Darts));

    internal static void OnlyFormatError(Action parse)
    {
        try
        {
            parse();
        }
        catch (FormatException e)
        {
            Assert.NotEmpty(e.Message);
        }
    }
}
