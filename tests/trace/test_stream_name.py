from imcsim.trace.stream_name import domains_name, stream_title


def test_one_data_set_is_split_and_several_come_in_turn() -> None:
    assert stream_title("fashion-mnist") == "Split-fashion-mnist"
    assert stream_title(domains_name(["mnist", "cifar10", "mnist"])) == "mnist, cifar10, mnist in turn"
    assert stream_title(domains_name(["mnist"])) == "Split-mnist"
