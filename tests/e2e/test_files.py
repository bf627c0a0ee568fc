# SPDX-License-Identifier: Apache-2.0
"""Administrators' files and what handsets see of them (R8–R11), over both protocols with real clients."""
import ftplib
import os

import pytest


@pytest.fixture(scope="module")
def shared(site):
    return site.http("GET", "/site.cfg", site.admin)


def test_curl_puts_replaces_and_deletes(site, tmp_path):
    file = tmp_path / "ptt.cfg"
    file.write_text("<handsetConfig><ptt ptt.pttMode.enable='1'/></handsetConfig>\n")
    new = site.curl("-i", "-T", file, site.url + "/", user=site.admin).stdout
    assert b" 201" in new.split(b"\r\n\r\n")[-2] + new and b"etag:" in new.lower()
    again = site.curl("-i", "-T", file, site.url + "/ptt.cfg", user=site.admin).stdout
    assert b" 204" in again
    assert site.curl(site.url + "/ptt.cfg", user=site.handsets[2]).stdout == file.read_bytes()
    assert site.http("DELETE", "/ptt.cfg", site.admin).status == 204
    assert site.http("GET", "/ptt.cfg", site.admin).status == 404
    assert site.http("DELETE", "/ptt.cfg", site.admin).status == 404


def test_a_macs_prefix_names_the_layer(site):
    mac = site.macs[1]
    body = b"<handsetConfig/>"
    assert site.http("PUT", f"/{mac.upper()}-own.cfg", site.admin, body).status == 201
    assert site.http("GET", f"/{mac}-own.cfg", site.handsets[1]).body == body
    assert site.http("GET", f"/{mac.upper()}-own.cfg", site.handsets[1]).body == body
    assert site.http("GET", f"/@handset/{mac}/{mac}-own.cfg", site.admin).body == body
    assert site.http("GET", f"/{mac}-own.cfg", site.handsets[0]).status == 404


def test_own_files_come_before_shared_ones(site):
    mac = site.macs[0]
    assert site.http("PUT", "/oai.cfg", site.admin, b"<a>shared</a>").status == 201
    assert site.http("PUT", f"/@handset/{mac}/oai.cfg", site.admin, b"<a>own</a>").status == 201
    assert site.http("GET", "/oai.cfg", site.handsets[0]).body == b"<a>own</a>"
    assert site.http("GET", "/oai.cfg", site.handsets[1]).body == b"<a>shared</a>"
    assert site.http("GET", "/oai.cfg", site.admin).body == b"<a>shared</a>"


def test_the_fall_back_is_the_handsets_business(site):
    mac = site.macs[0]
    assert site.http("GET", f"/{mac}.cfg", site.handsets[0]).status == 404
    assert site.http("GET", "/000000000000.cfg", site.handsets[0]).status == 200


def test_a_mistyped_mac_does_not_vanish(site):
    mac = site.macs[0]
    typo = mac[:-1] + ("0" if mac[-1] != "0" else "1")
    reply = site.http("PUT", f"/{typo}-ext.cfg", site.admin, b"<a/>")
    assert reply.status == 422 and mac in reply.json["detail"]
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    ftp = site.ftp(site.admin)
    with pytest.raises(ftplib.error_perm, match="^553") as told:
        ftp.put("STOR", f"{typo}-ext.cfg", b"<a/>")
    assert mac in str(told.value) and "over HTTPS" in str(told.value)
    ftp.quit()
    assert site.http("PUT", f"/{typo}-ext.cfg?create=1", site.admin, b"<a/>").status == 201
    assert site.api("GET", f"/handsets/{typo}").status == 200
    assert site.api("DELETE", f"/handsets/{typo}").status == 204


@pytest.mark.parametrize("name, body, place", [
    ("broken.cfg", b"<a>\n<b>\n</a>", (3, 3)),
    ("broken.xml", b"<a x=1/>", (1, 6)),
    ("empty.cfg", b"", None),
])
def test_broken_xml_is_refused_with_its_place(site, name, body, place):
    reply = site.http("PUT", f"/{name}", site.admin, body)
    assert reply.status == 422
    if place:
        assert f"line {place[0]}, column {place[1]}" in reply.json["detail"]
    assert site.http("GET", f"/{name}", site.admin).status == 404
    ftp = site.ftp(site.admin)
    with pytest.raises(ftplib.error_perm, match="^553"):
        ftp.put("STOR", name, body)
    ftp.quit()
    assert site.http("PUT", f"/{name}?unchecked=1", site.admin, body).status == 201
    assert site.http("GET", f"/{name}", site.admin).body == body
    assert site.http("PUT", f"/{name}", site.admin, b"<a/>").status == 204
    versions = site.api("GET", f"/versions?path=/{name}").json["versions"]
    assert versions[0]["unchecked"] is True and versions[0]["size"] == len(body)


@pytest.mark.parametrize("attack", [
    b"<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><a>&x;</a>",
    b"<!DOCTYPE a [<!ENTITY x 'y'><!ENTITY z '&x;&x;&x;'>]><a>&z;</a>",
    b"<a>" * 5000 + b"</a>" * 5000,
], ids=["external", "expanding", "deep"])
def test_xml_attacks_are_refused(site, attack):
    assert site.http("PUT", "/attack.cfg", site.admin, attack).status == 422


def test_encrypted_files_are_stored_as_they_are(site):
    body = b"Digest=0123456789abcdef;KeyDesc=ward;\n" + os.urandom(5000)
    assert site.http("PUT", f"/{site.macs[0]}-crypt.cfg", site.admin, body).status == 201
    assert site.http("GET", f"/{site.macs[0]}-crypt.cfg", site.handsets[0]).body == body


def test_former_versions_are_kept(site):
    for n in range(3):
        site.http("PUT", "/versions.txt", site.admin, b"version %d" % n)
    versions = site.api("GET", "/versions?path=/versions.txt").json["versions"]
    assert [v["size"] for v in versions] == [9, 9] and versions[0]["version"] > versions[1]["version"]
    assert all(v["author"] == site.admin[0] for v in versions)
    former = site.http("GET", f"/versions.txt?version={versions[1]['version']}", site.admin)
    assert former.body == b"version 0"
    site.http("DELETE", "/versions.txt", site.admin)
    assert site.http("GET", "/versions.txt", site.admin).status == 404
    assert len(site.api("GET", "/versions?path=/versions.txt").json["versions"]) == 3


def test_conditional_requests(site):
    body = b"0123456789"
    put = site.http("PUT", "/cond.txt", site.admin, body, {"If-None-Match": "*"})
    tag = put.headers["ETag"]
    assert put.status == 201 and tag.startswith('"')
    assert site.http("PUT", "/cond.txt", site.admin, body, {"If-None-Match": "*"}).status == 412
    assert site.http("PUT", "/cond.txt", site.admin, b"x", {"If-Match": '"other"'}).status == 412
    assert site.http("DELETE", "/cond.txt", site.admin, None, {"If-Match": '"other"'}).status == 412
    for not_this in ("*", tag, f'"other", W/{tag}'):
        assert site.http("DELETE", "/cond.txt", site.admin, None, {"If-None-Match": not_this}).status == 412
        assert site.http("PUT", "/cond.txt", site.admin, b"x", {"If-None-Match": not_this}).status == 412
    got = site.http("GET", "/cond.txt", site.admin)
    assert got.body == body and got.headers["ETag"] == tag and got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Disposition"].startswith("attachment")
    same = site.http("GET", "/cond.txt", site.admin, None, {"If-None-Match": tag})
    assert same.status == 304 and same.body == b"" and same.headers["ETag"] == tag
    date = got.headers["Last-Modified"]
    assert site.http("GET", "/cond.txt", site.admin, None, {"If-Modified-Since": date}).status == 304
    assert site.http("GET", "/cond.txt", site.admin, None, {"If-Match": '"other"'}).status == 412
    put = site.http("PUT", "/cond.txt", site.admin, b"new", {"If-Match": tag})
    assert put.status == 204 and put.headers["ETag"] != tag
    assert site.http("DELETE", "/cond.txt", site.admin, None, {"If-None-Match": tag}).status == 204


@pytest.mark.parametrize("asked, status, body, place", [
    ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
    ("bytes=7-", 206, b"789", "bytes 7-9/10"),
    ("bytes=-2", 206, b"89", "bytes 8-9/10"),
    ("bytes=5-100", 206, b"56789", "bytes 5-9/10"),
    ("bytes=10-", 416, None, "bytes */10"),
    ("bytes=3-1", 200, b"0123456789", None),
    ("lines=1-2", 200, b"0123456789", None),
])
def test_ranges(site, asked, status, body, place):
    site.http("PUT", "/range.txt", site.admin, b"0123456789")
    got = site.http("GET", "/range.txt", site.handsets[0], None, {"Range": asked})
    assert got.status == status and got.headers["Content-Range"] == place
    assert body is None or got.body == body
    assert got.status == 416 or got.headers["Accept-Ranges"] == "bytes"


def test_head_tells_size_without_body(site, shared):
    head = site.http("HEAD", "/site.cfg", site.handsets[0])
    assert head.status == 200 and head.body == b"" and int(head.headers["Content-Length"]) == len(shared.body)


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 131072, 5_000_001])
def test_every_byte_of_any_size_comes_back(site, size):
    body = os.urandom(size)
    assert site.http("PUT", "/size.bin", site.admin, body).status in (201, 204)
    assert site.http("GET", "/size.bin", site.handsets[0]).body == body
    ftp = site.ftp(site.handsets[0])
    ftp.voidcmd("TYPE I")
    assert ftp.size("size.bin") == size
    assert ftp.get("size.bin") == body
    if size > 10:
        assert ftp.get("size.bin", rest=size - 7) == body[-7:]
    ftp.quit()


def test_chunked_upload(site):
    body = os.urandom(300_000)
    pieces = (body[i:i + 7777] for i in range(0, len(body), 7777))
    assert site.http("PUT", "/chunked.bin", site.admin, pieces).status == 201
    assert site.http("GET", "/chunked.bin", site.admin).body == body


def test_a_reader_keeps_what_it_opened(site):
    """A download goes on with the bytes it began with, although the file is replaced and its versions pass."""
    body = os.urandom(8_000_000)
    site.http("PUT", "/held.bin", site.admin, body)
    ftp = site.ftp(site.handsets[0])
    ftp.voidcmd("TYPE I")
    conn = ftp.transfercmd("RETR held.bin")
    got = conn.recv(1000)
    for n in range(13):
        assert site.http("PUT", "/held.bin", site.admin, b"%d" % n).status == 204
    while part := conn.recv(65536):
        got += part
    conn.close()
    assert ftp.voidresp().startswith("226") and got == body
    ftp.quit()


def test_handsets_overrides_are_read_back_as_they_came(site):
    mac, who = site.macs[0], site.handsets[0]
    for n, name in enumerate([f"{mac}-phone.cfg", f"{mac}-web.cfg", f"{mac}-directory.xml", f"calls/{mac}-calls.xml"]):
        body = b"<not well-formed %d" % n
        assert site.http("GET", f"/{name}", who).status == 404
        assert site.http("PUT", f"/{name}", who, body).status == 201
        assert site.http("GET", f"/{name}", who).body == body
        assert site.http("GET", f"/{name}", site.handsets[1]).status == 404
        assert site.http("PUT", f"/{name}", who, body + b">").status == 204
    assert [v["size"] for v in site.api("GET", f"/versions?path=/{mac}-phone.cfg").json["versions"]] == [18]


def test_lftp_put_get_ls_rm_mirror(site, tmp_path):
    (tmp_path / "up").mkdir()
    files = {"a.txt": b"a", "deep/b.bin": os.urandom(100_000), "deep/er/c.txt": b"c"}
    for name, body in files.items():
        (tmp_path / "up" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "up" / name).write_bytes(body)
    site.lftp(f"mirror -R {tmp_path}/up tree; mirror tree {tmp_path}/down", site.admin)
    down = {str(p.relative_to(tmp_path / "down")): p.read_bytes() for p in (tmp_path / "down").rglob("*") if p.is_file()}
    assert down == files
    listing = site.lftp("ls tree/deep", site.admin).stdout
    assert b"b.bin" in listing and b"er" in listing
    site.lftp(f"put {tmp_path}/up/a.txt -o tree/d.txt; rm tree/d.txt; get tree/a.txt -o {tmp_path}/a", site.admin)
    assert (tmp_path / "a").read_bytes() == b"a"
    assert site.http("GET", "/tree/d.txt", site.handsets[0]).status == 404


def test_curl_uploads_over_ftps(site, tmp_path):
    file = tmp_path / "ftp.cfg"
    file.write_bytes(b"<handsetConfig/>")
    site.curl("-T", file, site.ftps_url + "/", user=site.admin)
    assert site.curl(site.ftps_url + "/ftp.cfg", user=site.handsets[0]).stdout == file.read_bytes()


def test_an_administrators_root_over_ftps(site):
    ftp = site.ftp(site.admin)
    top = [name for name, facts in ftp.mlsd("/")]
    assert "@handset" in top and "@log" in top and "site.cfg" in top
    assert not [n for n in top if n.startswith(site.macs[0])]
    own = [name for name, facts in ftp.mlsd(f"/@handset/{site.macs[0]}")]
    assert f"{site.macs[0]}-ext.cfg" in own
    assert ftp.get(f"/{site.macs[0]}-ext.cfg") == ftp.get(f"/@handset/{site.macs[0]}/{site.macs[0]}-ext.cfg")
    ftp.quit()


def test_a_handsets_listing_is_what_it_can_read(site):
    for who, mac, other in ((0, site.macs[0], site.macs[1]), (1, site.macs[1], site.macs[0])):
        ftp = site.ftp(site.handsets[who])
        names = ftp.nlst("/")
        assert "site.cfg" in names and f"{mac}-ext.cfg" in names
        assert not [n for n in names if other in n or n.startswith("@")]
        for name in names:
            if ftp.sendcmd(f"MLST {name}") and "type=file" in ftp.sendcmd(f"MLST {name}").lower():
                ftp.get(name)
        ftp.quit()
