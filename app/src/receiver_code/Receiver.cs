using System;
using System.Linq;
using System.Security.Cryptography;
using System.Text;

public static class Receiver
{
    public const string Secret = "{{secret}}";

    /// Takes the raw body, and the values of webhook-id, webhook-timestamp and webhook-signature.
    public static bool IsGenuine(byte[] body, string id, string timestamp, string signatures, string secret = Secret)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        if (!long.TryParse(timestamp, out var seconds) || seconds < now - 300 || seconds > now + 300) return false;
        var key = Convert.FromBase64String(secret.Substring("whsec_".Length));
        var signed = Encoding.UTF8.GetBytes($"{id}.{timestamp}.").Concat(body).ToArray();
        var expected = "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, signed));
        return (signatures ?? "").Split(' ').Any(signature => CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(signature), Encoding.UTF8.GetBytes(expected)));
    }
}
