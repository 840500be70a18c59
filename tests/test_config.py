"""Configuration files: what they may hold, and how each error names file, key and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tornado_chat.config import Config, Secret, load_config
from tornado_chat.config_tables import DEFAULT_PLUGINS
from tornado_chat.errors import ConfigError

PASSWORD = "hunter-two"
API_SECRET = "sesame-of-the-api"
IDENTITY = f'[identity.moneypot]\napi = "https://api.example.com/v1"\napp_secret = "{API_SECRET}"\n'


class Conf:
    """A folder of configuration files, good until a test writes something else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server_path = folder / "server.toml"
        (folder / "apps").mkdir()
        self.server(IDENTITY)
        self.app("2", "id = 2")

    def server(self, text: str) -> None:
        self.server_path.write_text(text, "utf-8")

    def app(self, name: str, text: str) -> Path:
        path = self.folder / "apps" / f"{name}.toml"
        path.write_text(text, "utf-8")
        return path

    def load(self, environ: Mapping[str, str] | None = None) -> Config:
        return load_config(self.folder, environ or {})

    def error(self, environ: Mapping[str, str] | None = None) -> str:
        with pytest.raises(ConfigError) as caught:
            self.load(environ)
        return str(caught.value)


@pytest.fixture
def conf(tmp_path: Path) -> Conf:
    return Conf(tmp_path)


def test_what_a_file_leaves_out_has_its_default(conf: Conf) -> None:
    config = conf.load()
    _, app = config.apps[2]
    assert (config.server.host, config.server.port) == ("127.0.0.1", 4000)
    assert (config.mongodb.uri.reveal(), config.mongodb.timeout) == ("embedded", 3.0)
    assert (app.history, app.identity, app.plugins, app.origins) == (250, "moneypot", DEFAULT_PLUGINS, ())


def test_what_a_file_says_is_read(conf: Conf) -> None:
    conf.server(f'[server]\nhost = "::1"\nport = 80\n[mongodb]\ndatabase = "chat-2"\ntimeout = 1\n{IDENTITY}')
    conf.app("2", 'id = 2\norigins = ["https://a.example"]\nhistory = 9\nplugins = ["wordlist", "mute"]')
    config = conf.load()
    _, app = config.apps[2]
    assert (config.server.host, config.server.port) == ("::1", 80)
    assert (config.mongodb.database, config.mongodb.timeout) == ("chat-2", 1.0)
    assert (app.origins, app.history, app.plugins) == (("https://a.example",), 9, ("wordlist", "mute"))


def test_an_app_has_its_own_file_or_the_default_one(conf: Conf) -> None:
    conf.app("default", "history = 7")
    config = conf.load()
    own, other = config.app(2), config.app(3)
    assert own is not None
    assert other is not None
    assert (own[1].history, other[1].history) == (250, 7)


def test_an_app_without_a_file_is_not_served(conf: Conf) -> None:
    assert conf.load().app(3) is None


def test_plugin_folders_are_beside_the_file_and_data_is_where_the_server_runs(conf: Conf) -> None:
    conf.server(f'[server]\ndata_dir = "d"\n[plugins]\npath = ["plugins.d", "/opt/chat"]\n{IDENTITY}')
    config = conf.load()
    assert config.plugin_path == (conf.folder / "plugins.d", Path("/opt/chat"))
    assert config.data_dir == Path("d")


@pytest.mark.parametrize(
    ("text", "key", "suggestion"),
    [
        ("[server]\nprot = 4000", "server.prot", "port"),
        ("[mongo]\n", "mongo", "mongodb"),
        ("[mongodb]\ntimout = 1", "mongodb.timout", "timeout"),
        (IDENTITY + "apisecret = 1", "identity.moneypot.apisecret", "app_secret"),
        ("[identity.moneypod]\n", "identity.moneypod", "moneypot"),
    ],
)
def test_an_unknown_key_is_named_with_the_one_that_was_meant(conf: Conf, text: str, key: str, suggestion: str) -> None:
    conf.server(text)
    assert f"{conf.server_path}: {key}: unknown key; did you mean {suggestion}?" in conf.error()


def test_an_unknown_key_like_no_other_is_told_with_those_that_are_known(conf: Conf) -> None:
    conf.server(f"[plugins]\nzzz = 1\n{IDENTITY}")
    assert conf.error().splitlines()[0] == f"{conf.server_path}: plugins.zzz: unknown key; known are: path, reach"


def test_an_unknown_key_of_an_app_is_named(conf: Conf) -> None:
    path = conf.app("2", "id = 2\norigin = []")
    assert conf.error() == f"{path}: origin: unknown key; did you mean origins?"


@pytest.mark.parametrize(
    ("text", "key", "expected"),
    [
        ('[server]\nport = "x"', "server.port", "int"),
        ("[server]\nport = true", "server.port", "int"),
        ("[server]\nport = 65536", "server.port", "65535"),
        ("[server]\nport = -1", "server.port", "0"),
        ("[server]\nhost = 1", "server.host", "str"),
        ('[server]\ntrusted_proxies = ["::1", 2]', "server.trusted_proxies[1]", "str"),
        ("server = 1", "server", "a table"),
        ("[mongodb]\ntimeout = 0", "mongodb.timeout", "0.1"),
        ("[mongodb]\nuri = 1", "mongodb.uri", "str"),
        ('[mongodb]\ndatabase = "a/b"', "mongodb.database", "letters"),
        ('[identity.moneypot]\napi = "ftp://x"\napp_secret = "x"', "identity.moneypot.api", "URL"),
        ('[identity.moneypot]\napi = "https://x/v1?a=b"\napp_secret = "x"', "identity.moneypot.api", "URL"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(conf: Conf, text: str, key: str, expected: str) -> None:
    conf.server(text)
    line = conf.error().splitlines()[0]
    assert line.startswith(f"{conf.server_path}: {key}: expected ")
    assert expected in line


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("id = 2\nhistory = 0", "history"),
        ("id = 2\nhistory = 1001", "history"),
        ('id = 2\norigins = "https://a.example"', "origins"),
        ("id = 2\nplugins = [1]", "plugins[0]"),
        ('id = "2"', "id"),
        ("id = 2.0", "id"),
    ],
)
def test_a_wrong_value_of_an_app_is_named(conf: Conf, text: str, key: str) -> None:
    path = conf.app("2", text)
    assert conf.error().startswith(f"{path}: {key}: expected ")


@pytest.mark.parametrize("missing", ["api", "app_secret"])
def test_a_key_that_must_be_there_is_named(conf: Conf, missing: str) -> None:
    conf.server("\n".join(line for line in IDENTITY.splitlines() if not line.startswith(f"{missing} ")))
    assert f"{conf.server_path}: identity.moneypot.{missing}: missing, and it has no default" in conf.error()


@pytest.mark.parametrize(
    ("table", "key"), [("mongodb", "database"), ("identity.moneypot", "api")], ids=["database", "api"]
)
def test_a_line_end_after_a_value_is_refused(conf: Conf, table: str, key: str) -> None:
    # As in a variable that was filled from a file. A `$` in a pattern matches before it.
    good = {"database": "chat", "api": "https://api.example.com/v1"}[key]
    conf.server(f'[{table}]\n{key} = {{env = "VALUE"}}\n' + ('app_secret = "x"\n' if key == "api" else IDENTITY))
    assert conf.load({"VALUE": good}).app(2) is not None
    assert f"{table}.{key}" in conf.error({"VALUE": f"{good}\n"})


def test_a_string_may_come_from_the_environment(conf: Conf) -> None:
    conf.server(IDENTITY.replace(f'"{API_SECRET}"', '{env = "APP_SECRET"}'))
    moneypot = conf.load({"APP_SECRET": "12345"}).identity.moneypot
    assert moneypot is not None
    assert moneypot.app_secret.reveal() == "12345"


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [("port", "4010", 4010), ("host", "4010", "4010"), ("trusted_proxies", '["::1"]', ("::1",))],
)
def test_a_value_of_any_type_may_come_from_the_environment(conf: Conf, key: str, text: str, value: object) -> None:
    conf.server(f'[server]\n{key} = {{env = "VALUE"}}\n{IDENTITY}')
    assert getattr(conf.load({"VALUE": text}).server, key) == value


def test_several_values_of_a_file_may_come_from_the_environment(conf: Conf) -> None:
    conf.app("2", 'id = {env = "ID"}\nhistory = {env = "HISTORY"}\norigins = [{env = "PAGE"}]')
    app = conf.load({"ID": "2", "HISTORY": "9", "PAGE": "https://a.example"}).apps[2][1]
    assert (app.id, app.history, app.origins) == (2, 9, ("https://a.example",))


@pytest.mark.parametrize("text", ["many", "", "4000.5", "70000", "1 2"])
def test_a_value_from_the_environment_that_does_not_fit_is_named(conf: Conf, text: str) -> None:
    conf.server(f'[server]\nport = {{env = "PORT"}}\n{IDENTITY}')
    assert conf.error({"PORT": text}).startswith(f"{conf.server_path}: server.port: expected `int`")


def test_a_variable_that_is_not_set_is_named(conf: Conf) -> None:
    conf.server(IDENTITY.replace(f'"{API_SECRET}"', '{env = "APP_SECRET"}'))
    wanted = f"{conf.server_path}: identity.moneypot.app_secret: environment variable APP_SECRET is not set"
    assert wanted in conf.error({"OTHER": "x"})


@pytest.mark.parametrize("text", ["[server", "port = ", "a = 1\na = 2"])
def test_a_file_that_is_no_toml_is_named_with_the_line(conf: Conf, text: str) -> None:
    path = conf.app("2", text)
    error = conf.error()
    assert error.startswith(f"{path}: ")
    assert "line" in error or "end of document" in error


def test_a_file_that_is_no_utf_8_is_named(conf: Conf) -> None:
    (conf.folder / "apps" / "2.toml").write_bytes(b'id = 2\nidentity = "\xff"')
    assert conf.error().startswith(f"{conf.folder / 'apps' / '2.toml'}: ")


@pytest.mark.parametrize(("name", "text"), [("3", "id = 2"), ("3", ""), ("02", "id = 2")])
def test_an_id_must_be_the_name_of_its_file(conf: Conf, name: str, text: str) -> None:
    path = conf.app(name, text)
    assert conf.error().startswith(f"{path}: id: expected {name}, the file's name")


@pytest.mark.parametrize("app_id", ["0", "-1", "9007199254740992"])
def test_an_id_that_no_client_can_send_is_refused(conf: Conf, app_id: str) -> None:
    path = conf.app(app_id, f"id = {app_id}")
    assert conf.error().startswith(f"{path}: id: expected `int`")


def test_the_default_file_has_no_id(conf: Conf) -> None:
    path = conf.app("default", "id = 2")
    assert conf.error().startswith(f"{path}: id: default.toml ")


def test_an_identity_without_a_table_is_named_with_those_that_have_one(conf: Conf) -> None:
    conf.server(f"{IDENTITY}\n[identity.demo]")
    path = conf.app("2", 'id = 2\nidentity = "site"')
    assert conf.error() == (
        f"{path}: identity: 'site' has no [identity.site] table in server.toml, and is none of the app's plugins; "
        "there is: moneypot, demo"
    )


def test_the_default_identity_needs_its_table_too(conf: Conf) -> None:
    conf.server("")
    assert "[identity.moneypot]" in conf.error()


def test_the_demo_users_are_off_unless_their_table_is_there(conf: Conf) -> None:
    conf.app("2", 'id = 2\nidentity = "demo"')
    assert "[identity.demo]" in conf.error()
    conf.server("[identity.demo]")
    assert conf.load().identity.demo is not None


def test_a_table_for_a_plugin_that_is_not_named_is_an_error(conf: Conf) -> None:
    path = conf.app("2", "id = 2\n[plugin.lock]\nguests = true")
    error = conf.error()
    assert error.startswith(f"{path}: ")
    assert "[plugin.lock]" in error


def test_a_plugin_that_is_named_twice_is_an_error(conf: Conf) -> None:
    path = conf.app("2", 'id = 2\nplugins = ["mute", "wordlist", "mute"]')
    error = conf.error()
    assert error.startswith(f"{path}: ")
    assert "'mute'" in error


def test_a_bad_origin_is_named(conf: Conf) -> None:
    path = conf.app("2", 'id = 2\norigins = ["https://a.example", "https://b.example/"]')
    error = conf.error()
    assert error.startswith(f"{path}: ")
    assert "'https://b.example/'" in error


def test_no_app_is_an_error_that_says_what_to_write(conf: Conf) -> None:
    (conf.folder / "apps" / "2.toml").unlink()
    assert conf.error().startswith(f"{conf.folder / 'apps'}: no app; write apps/2.toml")


def test_no_folder_of_apps_is_the_same_error(conf: Conf) -> None:
    (conf.folder / "apps" / "2.toml").unlink()
    (conf.folder / "apps").rmdir()
    assert conf.error().startswith(f"{conf.folder / 'apps'}: no app; write apps/2.toml")


def test_no_server_file_is_an_error_that_names_it(conf: Conf) -> None:
    conf.server_path.unlink()
    assert conf.error().startswith(f"{conf.server_path}: no such file")


def test_every_broken_file_is_told_at_once(conf: Conf) -> None:
    conf.server(f"[server]\nport = true\n{IDENTITY}")
    broken = [conf.server_path, conf.app("3", "id = 4"), conf.app("4", "id ="), conf.app("default", "id = 5")]
    lines = conf.error().splitlines()
    assert all(any(line.startswith(f"{path}: ") for line in lines) for path in broken)


def test_a_broken_server_file_is_not_blamed_on_the_apps(conf: Conf) -> None:
    conf.server(f"[server]\nport = true\n{IDENTITY}")
    assert [line.partition(": ")[0] for line in conf.error().splitlines()] == [str(conf.server_path)]


def secretive(conf: Conf) -> Config:
    conf.server(f'[mongodb]\nuri = "mongodb://chat:{PASSWORD}@db.example:27017/?tls=true"\n{IDENTITY}')
    return conf.load()


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format])
def test_a_secret_is_not_printed_with_the_configuration(conf: Conf, show: object) -> None:
    assert callable(show)
    shown = show(secretive(conf))
    assert PASSWORD not in shown
    assert API_SECRET not in shown


@pytest.mark.parametrize("show", [str, repr, "{}".format, "{!r}".format, "%s".__mod__])
def test_a_secret_says_only_that_it_is_one(show: object) -> None:
    assert callable(show)
    assert show(Secret(API_SECRET)) == "Secret(***)"
    assert Secret(API_SECRET).reveal() == API_SECRET


@pytest.mark.parametrize("value", ["12345", "true", '["12345"]'])
def test_a_secret_of_a_wrong_type_is_not_printed_in_the_error(conf: Conf, value: str) -> None:
    conf.server(IDENTITY.replace(f'"{API_SECRET}"', value))
    error = conf.error()
    assert f"{conf.server_path}: identity.moneypot.app_secret: expected `str`" in error
    assert "12345" not in error


def test_secrets_are_the_apps_secret_and_the_databases_password(conf: Conf) -> None:
    assert set(secretive(conf).secrets) == {API_SECRET, PASSWORD}


@pytest.mark.parametrize(
    "uri", ["embedded", "mongodb://db.example:27017", "mongodb://chat@db.example", "mongodb://chat:@db.example"]
)
def test_an_address_without_a_password_has_no_secret(conf: Conf, uri: str) -> None:
    conf.server(f'[mongodb]\nuri = "{uri}"\n{IDENTITY}')
    assert conf.load().secrets == [API_SECRET]


@pytest.mark.parametrize(
    "uri",
    [
        f"mongodb+srv://chat:{PASSWORD}@db.example/?retryWrites=true",
        f"mongodb://chat:{PASSWORD}@a.example:1,b.example:2/?replicaSet=rs",
        f"mongodb://:{PASSWORD}@db.example",
    ],
)
def test_the_password_is_found_in_any_form_of_address(conf: Conf, uri: str) -> None:
    conf.server(f'[mongodb]\nuri = "{uri}"\n{IDENTITY}')
    assert PASSWORD in conf.load().secrets


def test_a_password_is_a_secret_as_it_is_written_and_as_it_is_read(conf: Conf) -> None:
    # Whatever has parsed the address holds the decoded form.
    conf.server(f'[mongodb]\nuri = "mongodb://chat:hunter%40two@db.example"\n{IDENTITY}')
    assert {"hunter%40two", "hunter@two"} <= set(conf.load().secrets)


def test_without_the_identity_there_is_no_secret(conf: Conf) -> None:
    conf.server("[identity.demo]")
    conf.app("2", 'id = 2\nidentity = "demo"')
    assert conf.load().secrets == []


@pytest.mark.parametrize(
    ("table", "key"),
    [
        ('[identity.moneypot]\napi = "http://user:hunter2@x/v1"\napp_secret = "s"\n', "identity.moneypot.api"),
        ('[identity.moneypot]\napi = "http://["\napp_secret = "s"\n', "identity.moneypot.api"),
        ('[identity.moneypot]\napi = "http://x/v1"\napp_secret = ""\n', "identity.moneypot"),
        ('[identity.moneypot]\napi = "http://x/v1"\napp_secret = "s"\ntimeout = 60\n', "identity.moneypot.timeout"),
        ('[server]\ntrusted_proxies = ["junk"]\n', "server"),
        ('[server]\nhost = ""\n', "server.host"),
        ('[server]\ndata_dir = ""\n', "server.data_dir"),
    ],
)
def test_a_value_that_could_never_work_is_refused(tmp_path: Path, table: str, key: str) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "server.toml").write_text(table)
    (tmp_path / "apps" / "2.toml").write_text("id = 2\n")
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path, {})
    assert str(caught.value).startswith(f"{tmp_path / 'server.toml'}: {key}: ")
    assert "hunter2" not in str(caught.value)


def test_a_secret_is_one_in_the_form_that_it_has_in_a_url_too(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "server.toml").write_text('[identity.moneypot]\napi = "http://x/v1"\napp_secret = "s&cret+1/2"\n')
    (tmp_path / "apps" / "2.toml").write_text("id = 2\n")
    assert {"s&cret+1/2", "s%26cret%2B1/2", "s%26cret%2B1%2F2"} <= set(load_config(tmp_path, {}).secrets)


def test_a_file_that_is_named_after_no_number_is_told_so(conf: Conf) -> None:
    path = conf.app("dice", "id = 2")
    assert conf.error() == f"{path}: the file's name must be the app's number, such as 2.toml, or default.toml"


def test_a_byte_order_mark_is_no_error(conf: Conf) -> None:
    (conf.folder / "apps" / "2.toml").write_bytes(b"\xef\xbb\xbfid = 2")
    assert list(load_config(conf.folder, {}).apps) == [2]


def test_what_a_plugin_takes_from_the_environment_is_a_secret(conf: Conf) -> None:
    conf.app("2", 'id = 2\n[plugin.mute]\nkey = {env = "HOOK_SECRET"}\nsize = {env = "SIZE"}\n')
    loaded = load_config(conf.folder, {"HOOK_SECRET": "open-sesame", "SIZE": "5"})
    assert "open-sesame" in loaded.secrets
    assert "5" not in loaded.secrets


def test_the_boxs_title_and_login_page_are_read(conf: Conf) -> None:
    assert (conf.load().apps[2][1].box.title, conf.load().apps[2][1].box.login_url) == (None, None)
    conf.app("2", 'id = 2\n[box]\ntitle = "Tea 👩‍👩‍👧 <b>&amp;</b>"\nlogin_url = "https://a.example/login?next=%2F"')
    box = conf.load().apps[2][1].box
    assert (box.title, box.login_url) == ("Tea 👩‍👩‍👧 <b>&amp;</b>", "https://a.example/login?next=%2F")


@pytest.mark.parametrize("key", ["title", "login_url"])
@pytest.mark.parametrize(
    "value",
    [
        '""',
        '" "',
        '"two\\nlines"',
        '"nul \\u0000"',
        f'"{"x" * 81} "',
        "7",
        '"\\u2028"',
    ],
)
def test_a_title_or_login_page_that_is_none_is_named(conf: Conf, key: str, value: str) -> None:
    conf.app("2", f"id = 2\n[box]\n{key} = {value}")
    assert "2.toml: box" in conf.error()
    assert key in conf.error()


@pytest.mark.parametrize(
    "url",
    [
        *("javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "//a.example", "/login", "ftp://a.example"),
        *("https://", "https:///login", "http://[", "https://a.example/ b", "https://a.example\\n", "https://:80/"),
        f"https://a.example/{'x' * 2048}",
    ],
)
def test_a_login_page_is_a_url_of_http(conf: Conf, url: str) -> None:
    conf.app("2", f'id = 2\n[box]\nlogin_url = "{url}"')
    assert "login_url" in conf.error()
