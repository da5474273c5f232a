using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;
using ZeroOneShot.Persistence;

namespace ZeroOneShot.Tests.Persistence;

public sealed class ChecksummedJsonTests
{
    private const string Content =
        """{"name":"<b>\"é\u00e9 \u2028😀\\","numbers":[1.0,1e-7,0.1,12345678901234567890],"nothing":null,"nested":{"a":{"b":true}}}""";

    [Fact]
    public void What_was_signed_is_read_as_it_was()
    {
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Content), JsonNode.Parse(ChecksummedJson.Verify(ChecksummedJson.Sign(Content)))));
        Assert.Equal("{}", ChecksummedJson.Verify(ChecksummedJson.Sign("{}")));
    }

    [Fact]
    public void No_wrong_byte_changes_the_content_in_silence()
    {
        var signed = Encoding.UTF8.GetBytes(ChecksummedJson.Sign(Content));
        var expected = ChecksummedJson.Verify(Encoding.UTF8.GetString(signed));
        var refused = 0;
        for (var at = 0; at < signed.Length; at++)
        {
            for (var bit = 0; bit < 8; bit++)
            {
                signed[at] ^= (byte)(1 << bit);
                try
                {
                    Assert.Equal(expected, ChecksummedJson.Verify(Encoding.UTF8.GetString(signed)));      // white space for white space
                }
                catch (JsonException)
                {
                    refused++;
                }
                signed[at] ^= (byte)(1 << bit);
            }
        }
        Assert.InRange(refused, 8 * signed.Length * 0.9, 8 * signed.Length);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("1")]
    [InlineData("{\"a\":1}")]
    [InlineData("{\"a\":1,\"sha256\":5}")]
    [InlineData("{\"a\":1,\"sha256\":\"0123\"}")]
    [InlineData("")]
    public void A_text_without_its_checksum_is_refused(string text) =>
        Assert.ThrowsAny<JsonException>(() => ChecksummedJson.Verify(text));

    [Fact]
    public void What_has_a_checksum_is_not_signed_again() =>
        Assert.Throws<JsonException>(() => ChecksummedJson.Sign(ChecksummedJson.Sign(Content)));
}
