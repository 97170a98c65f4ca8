"""Where plugins/kit finds credentials: each source against services that check what they get
(aws_fake.py), through a daemon whose provider (tests/providers/awsprobe) asks who it is."""

import datetime
import json
import os

import canary
import pytest
from aws_fake import Fake, error
from davit_site import BUILD

PROVIDER = BUILD / "tests" / "providers" / "awsprobe.so"
ROLE = "arn:aws:iam::123456789012:role/builder"
BASE = "arn:aws:iam::123456789012:role/base"


@pytest.fixture
def fake():
    made = Fake()
    yield made
    made.close()
    assert made.wrong == []


class World:
    """A site whose daemon has this environment, and files of profiles. Its connections are `c` with
    what `connection` says, and one for each of `profiles`."""

    def __init__(self, sites, fake, folder, connection="", provider="", profiles=(), **environment):
        self.fake = fake
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        files = {
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        }
        named = "".join(f"  {p}: {{type: AWSPROBE, profile: {p}}}\n" for p in profiles)
        self.site = sites(
            default="awsprobe",
            providers={
                "awsprobe": f"provider: awsprobe\nplugin: {PROVIDER}\negress: ['{fake.url}']\n"
                f"private_networks: [127.0.0.0/8]\n{provider}"
            },
            davit=f"connections:\n  c: {{type: AWSPROBE{connection}}}\n{named}",
        ).start(env={**inherited, **files, **environment})

    def ask(self, connection="c", **place):
        place = {"sts": self.fake.url, "region": "us-west-2", **place}
        told = {"url": self.fake.url, "place": place}
        return self.site.service(
            "POST",
            f"/function/execute?adapter_instance={connection}&project=p",
            {"Script": json.dumps(told)},
            over_unix=True,
        )

    def who(self, connection="c", **place):
        """(where the key was found, whose it is)"""
        answer = self.ask(connection, **place)
        assert answer.status == 200, (answer, self.fake.wrong)
        said = json.loads(answer.json()["logs"]["content"])
        assert said["status"] == 200, (said, self.fake.wrong)
        return said["origin"], said["body"]

    def why_not(self, connection="c", **place):
        answer = self.ask(connection, **place)
        assert answer.status == 502, answer
        return answer.text


@pytest.fixture
def world(sites, fake, tmp_path):
    return lambda **more: World(sites, fake, tmp_path, **more)


def pair(key, first="aws_access_key_id = ", second="aws_secret_access_key = "):
    return f"{first}{key.id}\n{second}{key.secret}\n"


def environment(key):
    token = {"AWS_SESSION_TOKEN": key.token} if key.token else {}
    return {"AWS_ACCESS_KEY_ID": key.id, "AWS_SECRET_ACCESS_KEY": key.secret, **token}


def test_the_connection_comes_first(world, fake):
    key = fake.key("of the connection")
    here = world(
        connection=f", accessKey: {key.id}, secretKey: {key.secret}, sessionToken: ''",
        **environment(fake.key("of the environment")),
    )
    assert here.who() == ("connection", "of the connection")


def test_a_session_of_the_environment(world, fake):
    here = world(**environment(fake.key("a session", session=True)))
    assert here.who() == ("environment", "a session")


def test_what_a_provider_may_read_is_shown(world):
    seen = world().site.get("/v1/providers").json()["providers"][0]
    assert seen["grants"] == ["metadata"]
    assert "aws_profile_name" in seen["plain"] and "aws_file_secret" not in seen["plain"], seen["plain"]


def test_half_a_pair_is_a_mistake(world, fake):
    here = world(AWS_ACCESS_KEY_ID="AKIAHALF", AWS_CONTAINER_CREDENTIALS_FULL_URI=fake.url + "/x")
    assert "without its secret" in here.why_not()
    assert fake.asked == []


def test_profiles_of_the_shared_files(world, fake, tmp_path):
    first, second, third = (fake.key(name) for name in ("default", "second", "third"))
    (tmp_path / "credentials").write_text(f"[default]\n{pair(first)}[second]\r\n{pair(second)}")
    (tmp_path / "config").write_text(
        f"# a comment\n[default]\nregion = us-east-1\n[profile third]\n{pair(third)}"
    )
    here = world(profiles=["second", "third", "fourth"])
    assert here.who() == ("profile", "default")
    assert here.who("second") == ("profile", "second")
    assert here.who("third") == ("profile", "third")
    assert "no credentials" in here.why_not("fourth")
    assert world(AWS_PROFILE="third").who() == ("profile", "third")


def test_a_role_by_a_source_profile_is_fetched_once(world, fake, tmp_path):
    key = fake.key("me")
    (tmp_path / "credentials").write_text(f"[me]\n{pair(key)}")
    (tmp_path / "config").write_text(
        f"[profile build]\nrole_arn = {ROLE}\nsource_profile = me\n"
        "external_id = of=them & us\nrole_session_name = a@b\n"
    )
    fake.roles[ROLE] = {"by": "me", "RoleSessionName": "a@b", "ExternalId": "of=them & us"}
    here = world(AWS_PROFILE="build")
    assert here.who() == ("profile", ROLE)
    assert here.who() == ("profile", ROLE)
    assert fake.asked.count("AssumeRole") == 1


def test_roles_may_follow_each_other(world, fake, tmp_path):
    key = fake.key("me")
    (tmp_path / "config").write_text(
        f"[profile build]\nrole_arn = {ROLE}\nsource_profile = middle\n"
        f"[profile middle]\nrole_arn = {BASE}\nsource_profile = me\n[profile me]\n{pair(key)}"
    )
    fake.roles[BASE] = {"by": "me", "RoleSessionName": "davit"}
    fake.roles[ROLE] = {"by": BASE, "RoleSessionName": "davit"}
    assert world(AWS_PROFILE="build").who() == ("profile", ROLE)


def test_a_profile_may_be_its_own_source(world, fake, tmp_path):
    key = fake.key("me")
    (tmp_path / "credentials").write_text(f"[default]\n{pair(key)}")
    (tmp_path / "config").write_text(
        f"[default]\nrole_arn = {ROLE}\nsource_profile = default\nregion = us-west-2\n"
    )
    fake.roles[ROLE] = {"by": "me", "RoleSessionName": "davit"}
    assert world().who(region="") == ("profile", ROLE)  # the token service of its region


def test_a_region_of_the_environment(world, fake, tmp_path):
    key = fake.key("me")
    (tmp_path / "credentials").write_text(f"[default]\n{pair(key)}")
    (tmp_path / "config").write_text(
        f"[default]\nrole_arn = {ROLE}\nsource_profile = default\nregion = eu-west-1\n"
    )
    fake.roles[ROLE] = {"by": "me", "RoleSessionName": "davit"}
    assert world(AWS_REGION="us-west-2").who(region="") == ("profile", ROLE)


def test_profiles_in_a_circle_are_refused(world, fake, tmp_path):
    (tmp_path / "config").write_text(
        f"[profile a]\nrole_arn = {ROLE}\nsource_profile = b\n"
        f"[profile b]\nrole_arn = {ROLE}\nsource_profile = a\n"
    )
    assert "name each other" in world(AWS_PROFILE="a").why_not()
    assert fake.asked == []


def test_a_role_by_a_credential_source(world, fake, tmp_path):
    (tmp_path / "config").write_text(
        f"[default]\nrole_arn = {ROLE}\ncredential_source = EcsContainer\n"
        f"[profile m]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"
        f"[profile n]\nrole_arn = {ROLE}\ncredential_source = Ec2InstanceMetadata\n"
        f"[profile x]\nrole_arn = {ROLE}\ncredential_source = Elsewhere\n"
    )
    fake.roles[ROLE] = {"by": "agent/one", "RoleSessionName": "davit"}
    here = world(
        profiles=["m", "n", "x"], AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/one"
    )
    assert here.who(container=fake.url) == ("profile", ROLE)
    fake.roles[ROLE]["by"] = "machine"
    assert "may not be used" in here.why_not("n", metadata=fake.url)
    assert "Ec2InstanceMetadata" in here.why_not("x")  # names are no secrets
    assert here.who("m", metadata=fake.url, machine=True) == ("profile", ROLE)


def test_a_role_is_refused_in_the_words_of_the_service(world, fake, tmp_path):
    key = fake.key("me")
    (tmp_path / "credentials").write_text(f"[me]\n{pair(key)}")
    (tmp_path / "config").write_text(f"[default]\nrole_arn = {ROLE}\nsource_profile = me\n")
    here = world(profiles=["default"])
    assert "403 AccessDenied: no such role" in here.why_not()
    fake.refuse["AssumeRole"] = (400, error("PackedPolicyTooLarge", "too large"))
    assert "PackedPolicyTooLarge" in here.why_not("default")


def test_mfa_needs_a_person(world, fake, tmp_path):
    (tmp_path / "config").write_text(
        f"[default]\nrole_arn = {ROLE}\nsource_profile = me\nmfa_serial = arn:x\n"
    )
    assert "mfa_serial" in world().why_not()


def test_a_program_gives_credentials_where_the_site_allows_it(world, fake, tmp_path):
    key = fake.key("of the program", session=True)
    printed = {
        "Version": 1,
        "AccessKeyId": key.id,
        "SecretAccessKey": key.secret,
        "SessionToken": key.token,
    }
    (tmp_path / "printed").write_text(json.dumps(printed))
    (tmp_path / "config").write_text(
        f"[default]\ncredential_process = /bin/cat {tmp_path}/printed\n"
    )
    assert "allow_exec" in world().why_not()
    assert world(provider="allow_exec: true\n").who() == ("profile", "of the program")


def test_a_web_identity(world, fake, tmp_path):
    (tmp_path / "token").write_text(fake.web_token + "\n")
    fake.roles[ROLE] = {"RoleSessionName": "pod"}
    fake.roles[BASE] = {"RoleSessionName": "davit"}
    (tmp_path / "config").write_text(
        f"[profile web]\nrole_arn = {BASE}\nweb_identity_token_file = {tmp_path}/token\n"
    )
    here = world(
        profiles=["web"],
        AWS_WEB_IDENTITY_TOKEN_FILE=str(tmp_path / "token"),
        AWS_ROLE_ARN=ROLE,
        AWS_ROLE_SESSION_NAME="pod",
    )
    assert here.who() == ("web identity", ROLE)
    assert here.who("web") == ("profile", BASE)


def test_the_agent_of_a_container(world, fake, tmp_path):
    one = world(AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/one")
    assert one.who(container=fake.url) == ("container", "agent/one")
    (tmp_path / "token").write_text(fake.agent_token + "\n")
    two = world(
        AWS_CONTAINER_CREDENTIALS_FULL_URI=fake.url + "/guarded",
        AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(tmp_path / "token"),
    )
    assert two.who() == ("container", "agent/guarded")
    three = world(
        AWS_CONTAINER_CREDENTIALS_FULL_URI=fake.url + "/guarded",
        AWS_CONTAINER_AUTHORIZATION_TOKEN=fake.agent_token,
    )
    assert three.who() == ("container", "agent/guarded")
    away = world(AWS_CONTAINER_CREDENTIALS_FULL_URI="http://198.51.100.7/x")
    assert away.ask().status == 502  # no host of the manifest


def test_the_machine_by_its_metadata(world, fake):
    here = world()
    assert here.who(metadata=fake.url, machine=True) == ("machine", "machine")
    assert fake.asked[:3] == [
        "/latest/api/token",
        "/latest/meta-data/iam/security-credentials/",
        "/latest/meta-data/iam/security-credentials/a-role",
    ]
    assert here.who(metadata=fake.url, machine=True)[1] == "machine"
    assert fake.asked.count("/latest/api/token") == 1
    assert "no credentials" in here.why_not(metadata=fake.url)
    off = world(AWS_EC2_METADATA_DISABLED="true")
    assert "no credentials" in off.why_not(metadata=fake.url, machine=True)


def test_credentials_that_ended_are_fetched_anew(world, fake):
    here = world()
    place = {"metadata": fake.url, "machine": True}
    assert here.who(**place)[1] == "machine"
    for key in fake.keys.values():
        key.ended = True
    assert here.who(**place)[1] == "machine"
    assert fake.asked.count("/latest/api/token") == 2


def test_a_wrong_clock_is_put_right(world, fake, tmp_path):
    key = fake.key("me")
    (tmp_path / "credentials").write_text(f"[me]\n{pair(key)}")
    (tmp_path / "config").write_text(f"[default]\nrole_arn = {ROLE}\nsource_profile = me\n")
    fake.roles[ROLE] = {"by": "me", "RoleSessionName": "davit"}
    fake.ahead = datetime.timedelta(minutes=20)
    here = world()
    assert here.ask().status == 200  # the role was had; who() itself learns no clock here
    assert fake.asked.count("AssumeRole") == 2


def test_an_agent_that_answers_nonsense_is_no_source(world, fake):
    here = world(profiles=["default"], AWS_CONTAINER_CREDENTIALS_RELATIVE_URI="/one")
    fake.refuse["/one"] = (200, '{"AccessKeyId": "AKIA", "Expiration": "2100-01-01T00:00:00Z"}')
    assert here.ask(container=fake.url).status == 503
    fake.refuse["/one"] = (200, f"<html>{canary.secret('page')}")
    assert here.ask("default", container=fake.url).status == 503
