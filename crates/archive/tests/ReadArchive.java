// Reads every entry of an archive, by its directory and from front to back, and prints how many there are and how long they are together.
import java.io.BufferedInputStream;
import java.io.FileInputStream;
import java.io.InputStream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;
import java.util.zip.ZipInputStream;

public class ReadArchive {
    static final byte[] ROOM = new byte[1 << 16];

    static long drain(InputStream in) throws Exception {
        long length = 0;
        for (int read; (read = in.read(ROOM)) >= 0; ) length += read;
        return length;
    }

    public static void main(String[] arguments) throws Exception {
        long count = 0, length = 0;
        try (ZipFile archive = new ZipFile(arguments[0])) {
            for (var entries = archive.entries(); entries.hasMoreElements(); count++) {
                ZipEntry entry = entries.nextElement();
                try (InputStream in = archive.getInputStream(entry)) {
                    long own = drain(in);
                    if (own != entry.getSize()) throw new Exception(entry.getName() + ": " + own);
                    length += own;
                }
            }
        }
        System.out.println(count + " " + length);
        count = length = 0;
        try (var archive = new ZipInputStream(new BufferedInputStream(new FileInputStream(arguments[0]), 1 << 16))) {
            for (; archive.getNextEntry() != null; count++) length += drain(archive);
        }
        System.out.println(count + " " + length);
    }
}
