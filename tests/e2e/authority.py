# SPDX-License-Identifier: Apache-2.0
"""CAs, certificates and CRLs for the tests, by the openssl command."""
import hashlib
import pathlib
import ssl
import subprocess


class Authority:
    """A CA in a folder, by the openssl command."""

    def __init__(self, folder, name, ca=None, key=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(exist_ok=True)
        self.cert, self.key = ca, key
        if ca is None:
            self.cert, self.key = self.folder / f"{name}.pem", self.folder / f"{name}.key"
            self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-days", "30",
                     "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign",
                     "-keyout", self.key, "-out", self.cert)

    @staticmethod
    def run(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, timeout=60)

    def issue(self, name, subject, usage="clientAuth", days=30, start=None, end=None):
        """A client certificate and key; start and end as YYYYMMDDHHMMSSZ make others than from now on."""
        stem = self.folder / name
        cert, key, request = stem.with_suffix(".pem"), stem.with_suffix(".key"), stem.with_suffix(".csr")
        self.run("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", key, "-out", request)
        config = self.folder / f"{name}.cnf"
        (self.folder / f"{name}.idx").write_text("")
        (self.folder / f"{name}.srl").write_text("%032x\n" % (abs(hash((name, subject))) + 1))
        config.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.folder}/{name}.idx\nserial={self.folder}/{name}.srl\nnew_certs_dir={self.folder}\n"
                          "default_md=sha256\npolicy=p\nunique_subject=no\ncopy_extensions=none\nx509_extensions=e\n[p]\ncommonName=optional\n"
                          f"[e]\nbasicConstraints=CA:FALSE\nextendedKeyUsage={usage}\nkeyUsage=digitalSignature\n")
        when = ["-startdate", start, "-enddate", end] if start else ["-days", str(days)]
        self.run("ca", "-batch", "-preserveDN", "-notext", "-config", config, "-cert", self.cert, "-keyfile", self.key, "-in", request, "-out", cert, *when)
        return str(cert), str(key)

    def self_signed(self, name, subject, start=None, end=None):
        """A certificate that is its own issuer."""
        stem = self.folder / name
        cert, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
        when = ["-not_before", start, "-not_after", end] if start else ["-days", "30"]
        self.run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", subject, "-keyout", key, "-out", cert, *when)
        return str(cert), str(key)

    def crl(self, name, *certs):
        """A CRL that lists these certificates."""
        config, out = self.folder / f"{name}.crlcnf", self.folder / f"{name}.crl"
        (self.folder / f"{name}.crlidx").write_text("")
        config.write_text(f"[ca]\ndefault_ca=d\n[d]\ndatabase={self.folder}/{name}.crlidx\ndefault_md=sha256\ndefault_crl_days=30\nunique_subject=no\n")
        common = ["ca", "-config", config, "-cert", self.cert, "-keyfile", self.key]
        for cert in certs:
            self.run(*common, "-revoke", cert)
        self.run(*common, "-gencrl", "-out", out)
        return str(out)


def fingerprint(cert):
    """SHA-256 of a certificate in a PEM file, as the daemon writes it."""
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pathlib.Path(cert).read_text())).hexdigest()
