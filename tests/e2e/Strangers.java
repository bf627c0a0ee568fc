// SPDX-License-Identifier: Apache-2.0
// A session of Apache Commons Net's FTPSClient, as somebody's collector of logs would have it:
//   java -cp commons-net.jar Strangers.java PORT USER PASSWORD CA LOG
// Prints what it saw, a line each; test_strangers.py judges.

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Arrays;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.commons.net.ftp.FTP;
import org.apache.commons.net.ftp.FTPFile;
import org.apache.commons.net.ftp.FTPSClient;

public class Strangers {
    static FTPSClient client;

    static void say(String what, Object seen) {
        System.out.println(what + " " + seen);
    }

    public static void main(String[] words) throws Exception {
        KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
        trusted.load(null);
        try (FileInputStream in = new FileInputStream(words[3])) {
            trusted.setCertificateEntry("ca", CertificateFactory.getInstance("X.509").generateCertificate(in));
        }
        TrustManagerFactory managers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        managers.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, managers.getTrustManagers(), null);
        client = new FTPSClient(true, context);
        client.connect("localhost", Integer.parseInt(words[0]));
        say("login", client.login(words[1], words[2]));
        client.execPBSZ(0);
        client.execPROT("P");
        client.enterLocalPassiveMode();
        client.setFileType(FTP.BINARY_FILE_TYPE);
        byte[] first = new byte[70_000], second = "the last line\n".getBytes();
        Arrays.fill(first, (byte) 'x');
        say("store", client.storeFile(words[4], new ByteArrayInputStream(first)));
        say("append", client.appendFile(words[4], new ByteArrayInputStream(second)));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        say("retrieve", client.retrieveFile(words[4], out));
        byte[] all = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, all, first.length, second.length);
        say("same", Arrays.equals(all, out.toByteArray()));
        say("size", client.getSize(words[4]));
        for (FTPFile file : client.listFiles()) {
            if (file.getName().equals(words[4])) {
                say("listed", file.getSize());
            }
        }
        FTPFile facts = client.mlistFile(words[4]);
        say("facts", facts == null ? "none" : facts.getSize());
        say("absent", client.retrieveFile("no-such-file.cfg", new ByteArrayOutputStream()) + " " + client.getReplyCode());
        say("logout", client.logout());
        client.disconnect();
    }
}
