import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.time.Instant;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

public final class Receiver {
    public static final String SECRET = "{{secret}}";

    /** Takes the raw body, and the values of webhook-id, webhook-timestamp and webhook-signature. */
    public static boolean isGenuine(byte[] body, String id, String timestamp, String signatures, String secret) {
        try {
            if (Math.abs(Instant.now().getEpochSecond() - Long.parseLong(timestamp)) > 300) {
                return false;
            }
            Mac mac = Mac.getInstance("HmacSHA256");
            byte[] key = Base64.getDecoder().decode(secret.substring("whsec_".length()));
            mac.init(new SecretKeySpec(key, "HmacSHA256"));
            mac.update((id + "." + timestamp + ".").getBytes(StandardCharsets.UTF_8));
            String expected = "v1," + Base64.getEncoder().encodeToString(mac.doFinal(body));
            for (String signature : signatures.split(" ")) {
                if (MessageDigest.isEqual(expected.getBytes(), signature.getBytes())) {
                    return true;
                }
            }
            return false;
        } catch (GeneralSecurityException | RuntimeException malformed) {
            return false;
        }
    }
}
