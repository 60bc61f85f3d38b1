import java.nio.file.Path;
import java.security.GeneralSecurityException;
import org.apache.hadoop.conf.Configuration;
import org.apache.parquet.crypto.KeyAccessDeniedException;
import org.apache.parquet.crypto.keytools.KmsClient;

/**
 * Lets Spark read the files of a delivery. Set for the session, from the delivery's manifest:
 *
 * <ul>
 *   <li>remit.key: the recipient's private key file, on every worker
 *   <li>remit.run, remit.instruction: the run's id, and the instruction's digest (sha256:...)
 *   <li>remit.files: the names of the files that are read, separated by commas
 * </ul>
 *
 * <p>It verifies no signature and no digest of a file: have {@code remit receive} do that before.
 */
public final class RemitKmsClient implements KmsClient {
    private RemitKeys keys;
    private String run;
    private String instruction;
    private String[] files;

    @Override
    public void initialize(Configuration settings, String id, String url, String token) {
        try {
            keys = new RemitKeys(Path.of(needed(settings, "remit.key")));
        } catch (Exception error) {
            throw new IllegalStateException("remit.key is not a recipient's private key file");
        }
        run = needed(settings, "remit.run");
        instruction = needed(settings, "remit.instruction");
        files = needed(settings, "remit.files").split(",");
    }

    /** Spark does not say which file a key is of, so it is tried for each that is read. */
    @Override
    public byte[] unwrapKey(String wrapped, String category) {
        for (String file : files) {
            try {
                return keys.open(wrapped, RemitKeys.info(category, file, instruction, run));
            } catch (GeneralSecurityException another) {
                // bound to another file, or not ours: the end of the loop says so
            }
        }
        throw new KeyAccessDeniedException(
            "no key of the category " + category + " opens for this recipient and these files");
    }

    @Override
    public String wrapKey(byte[] key, String category) {
        throw new UnsupportedOperationException("this client reads only");
    }

    private static String needed(Configuration settings, String name) {
        String value = settings.get(name);
        if (value == null || value.isEmpty()) {
            throw new IllegalStateException(name + " is not set");
        }
        return value;
    }
}
