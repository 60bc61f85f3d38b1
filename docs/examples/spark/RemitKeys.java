import java.io.ByteArrayOutputStream;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.PublicKey;
import java.security.spec.NamedParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.XECPublicKeySpec;
import java.util.Arrays;
import java.util.Base64;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.crypto.Cipher;
import javax.crypto.KeyAgreement;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.SecretKeySpec;

/**
 * Opens the sealed file keys of a delivery with a recipient's X25519 key: HPKE (RFC 9180), base mode,
 * DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, with nothing but the JDK (17 or later).
 *
 * <p>What is sealed, and to what it is bound, is in docs/formats.md, "Encrypted Parquet".
 */
public final class RemitKeys {
    private static final byte[] KEM = {'K', 'E', 'M', 0, 0x20};
    private static final byte[] SUITE = {'H', 'P', 'K', 'E', 0, 0x20, 0, 1, 0, 2};
    private static final byte[] NOTHING = {};
    private static final int POINT = 32;

    private final PrivateKey own;
    private final byte[] ownPublic;
    private final String keyId;

    /** Reads the PKCS#8 PEM that {@code remit keys new recipient} wrote. */
    public RemitKeys(Path pem) throws Exception {
        String text = Files.readString(pem, StandardCharsets.US_ASCII);
        byte[] der = Base64.getMimeDecoder().decode(text.replaceAll("-----[A-Z ]+-----", ""));
        own = KeyFactory.getInstance("X25519").generatePrivate(new PKCS8EncodedKeySpec(der));
        byte[] base = new byte[POINT];
        base[0] = 9; // the curve's base point: times a private key, it is the public one
        ownPublic = exchange(base);
        String line = "x25519:" + Base64.getEncoder().encodeToString(ownPublic);
        byte[] digest = MessageDigest.getInstance("SHA-256").digest(ascii(line));
        keyId = hex(digest);
    }

    /**
     * Opens one data key.
     *
     * @param wrapped the canonical JSON in a file's key metadata: {"category":...,"to":{KEY ID:BASE64}}
     * @param info canonical JSON of category, file, instruction and run, see {@link #info}
     * @return the key, 32 bytes
     * @throws GeneralSecurityException not sealed to this key, changed, or bound to something else
     */
    public byte[] open(String wrapped, byte[] info) throws GeneralSecurityException {
        Matcher own = Pattern.compile("\"" + keyId + "\":\"([A-Za-z0-9+/=]+)\"").matcher(wrapped);
        if (!own.find()) {
            throw new GeneralSecurityException("the category was not given to this recipient");
        }
        byte[] message = Base64.getDecoder().decode(own.group(1));
        if (message.length <= POINT) {
            throw new GeneralSecurityException("the sealed key is cut short");
        }
        byte[] sender = Arrays.copyOf(message, POINT);
        return unseal(sender, Arrays.copyOfRange(message, POINT, message.length), info);
    }

    /** To what a key is bound; none of the four may need escaping in JSON, and none does. */
    public static byte[] info(String category, String file, String instruction, String run) {
        return ascii(String.format(
            "{\"category\":\"%s\",\"file\":\"%s\",\"instruction\":\"%s\",\"run\":\"%s\"}",
            category, file, instruction, run));
    }

    private byte[] unseal(byte[] sender, byte[] sealed, byte[] info) throws GeneralSecurityException {
        byte[] dh = exchange(sender);
        if (Arrays.equals(dh, new byte[POINT])) {
            throw new GeneralSecurityException("the sender's point is of low order");
        }
        byte[] prk = extract(NOTHING, KEM, "eae_prk", dh);
        byte[] shared = expand(prk, KEM, "shared_secret", join(sender, ownPublic), 32);
        byte[] context = join(
            new byte[] {0},
            extract(NOTHING, SUITE, "psk_id_hash", NOTHING),
            extract(NOTHING, SUITE, "info_hash", info));
        byte[] secret = extract(shared, SUITE, "secret", NOTHING);
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding");
        cipher.init(
            Cipher.DECRYPT_MODE,
            new SecretKeySpec(expand(secret, SUITE, "key", context, 32), "AES"),
            new GCMParameterSpec(128, expand(secret, SUITE, "base_nonce", context, 12)));
        return cipher.doFinal(sealed);
    }

    private byte[] exchange(byte[] point) throws GeneralSecurityException {
        byte[] reversed = new byte[POINT];
        for (int i = 0; i < POINT; i++) {
            reversed[i] = point[POINT - 1 - i];
        }
        reversed[0] &= 0x7f; // RFC 7748: the highest bit is ignored
        XECPublicKeySpec spec =
            new XECPublicKeySpec(NamedParameterSpec.X25519, new BigInteger(1, reversed));
        PublicKey other = KeyFactory.getInstance("X25519").generatePublic(spec);
        KeyAgreement agreement = KeyAgreement.getInstance("X25519");
        agreement.init(own);
        agreement.doPhase(other, true);
        return agreement.generateSecret();
    }

    private static byte[] extract(byte[] salt, byte[] suite, String label, byte[] material)
            throws GeneralSecurityException {
        byte[] key = salt.length == 0 ? new byte[32] : salt;
        return hmac(key, join(ascii("HPKE-v1"), suite, ascii(label), material));
    }

    /** For at most 32 bytes, which is one block of HKDF's. */
    private static byte[] expand(byte[] prk, byte[] suite, String label, byte[] info, int length)
            throws GeneralSecurityException {
        byte[] size = ByteBuffer.allocate(2).putShort((short) length).array();
        byte[] labelled = join(size, ascii("HPKE-v1"), suite, ascii(label), info, new byte[] {1});
        return Arrays.copyOf(hmac(prk, labelled), length);
    }

    private static byte[] hmac(byte[] key, byte[] data) throws GeneralSecurityException {
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(key, "HmacSHA256"));
        return mac.doFinal(data);
    }

    private static byte[] join(byte[]... parts) {
        ByteArrayOutputStream joined = new ByteArrayOutputStream();
        for (byte[] part : parts) {
            joined.writeBytes(part);
        }
        return joined.toByteArray();
    }

    private static byte[] ascii(String text) {
        return text.getBytes(StandardCharsets.US_ASCII);
    }

    private static String hex(byte[] bytes) {
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }
}
