-- Software before this took a release of a newer catalogue of indicators for one of no form, for good. Such are looked at
-- once more: reason 2 is RELEASE_FORM, and retry 1 an upgrade.
UPDATE set_aside SET retry = 1 WHERE reason = 2;
