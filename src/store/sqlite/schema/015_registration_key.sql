-- What a hardware key was used for lately (management-api.md 5.2).
CREATE INDEX registration_key ON registration (hardware_key_no, at) WHERE hardware_key_no IS NOT NULL;
